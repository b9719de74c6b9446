"""What readers are told about the field's campaigns, in both languages."""

from __future__ import annotations

from dure.fields.brain import clock_panel, stimulation
from dure.models.recipe import Texts

TITLES: dict[str, Texts] = {
    "metastability": {
        "en": "metastability, simulated (sd of Kuramoto's order parameter)",
        "ko": "준안정성, 모의실험(쿠라모토 질서 변수의 표준편차)",
    },
    "synchrony": {
        "en": "synchrony, simulated (mean of Kuramoto's order parameter)",
        "ko": "동기화, 모의실험(쿠라모토 질서 변수의 평균)",
    },
    "highest synchrony": {
        "en": "highest synchrony of a subject, simulated",
        "ko": "가장 높은 피험자의 동기화, 모의실험",
    },
    "lowest metastability": {
        "en": "lowest metastability of a subject, simulated",
        "ko": "가장 낮은 피험자의 준안정성, 모의실험",
    },
    "charge": stimulation.CHARGE_TITLE,
    "adult error": {
        "en": "mean absolute error of adults, cross-validated",
        "ko": "성인의 평균 절대 오차, 교차 검증",
    },
    "adult error by reads": {
        "en": "mean absolute error of adults by simulated reads, cross-validated",
        "ko": "모의실험한 리드로 읽은 성인의 평균 절대 오차, 교차 검증",
    },
    "error below 18": {
        "en": "mean absolute error below 18 years, cross-validated",
        "ko": "18세 미만의 평균 절대 오차, 교차 검증",
    },
    "sites": {"en": "CpGs to be ordered", "ko": "주문할 CpG 수"},
    "cost": {"en": "cost of a sample's sites", "ko": "시료 하나의 자리 비용"},
    "held-out": {"en": "held-out members", "ko": "따로 둔 구성원"},
    "gain": {"en": "gain over the reference, held-out", "ko": "기준보다 나은 정도, 따로 둔 구성원"},
    "gain-low": {"en": "gain, lower end of its 95 % interval", "ko": "나은 정도, 95 % 구간 하한"},
    "gain-high": {"en": "gain, upper end of its 95 % interval", "ko": "나은 정도, 95 % 구간 상한"},
    "worst-member": {"en": "worst held-out member", "ko": "가장 나쁜 구성원"},
    "worst-decile": {"en": "worst tenth of held-out members", "ko": "가장 나쁜 10분의 1"},
    "violations": {"en": "members that break a limit", "ko": "한도를 어긴 구성원"},
    "harmed": {"en": "members worse off than under the reference", "ko": "기준보다 나빠진 구성원"},
    "mean metastability": {"en": "mean metastability, held-out", "ko": "평균 준안정성, 따로 둔 피험자"},
    "mean synchrony": {"en": "mean synchrony, held-out", "ko": "평균 동기화, 따로 둔 피험자"},
    "mean gain over sham at random sites": {
        "en": "control: gain over sham of the same stimulus at random sites",
        "ko": "대조: 무작위 자리에 준 같은 자극이 가짜 자극보다 나은 정도",
    },
    "mean gain over sham on rewired connectomes": {
        "en": "control: gain over sham on rewired connectomes (all links)",
        "ko": "대조: 모든 연결을 뒤섞은 뇌에서 가짜 자극보다 나은 정도",
    },
    "mean adult error": {"en": "adult error, held-out donors", "ko": "성인 오차, 따로 둔 기증자"},
    "mean error by ridge": {
        "en": "adult error when read by ridge regression",
        "ko": "능선 회귀로 읽었을 때의 성인 오차",
    },
    "mean gain by ridge": {
        "en": "gain over the lasso path's panel when both are read by ridge regression",
        "ko": "둘 다 능선 회귀로 읽었을 때 lasso 경로 패널보다 나은 정도",
    },
    **{
        f"mean error, {lost} sites lost": {
            "en": f"adult error with {lost} random sites lost, simulated",
            "ko": f"무작위 자리 {lost}개를 잃었을 때의 성인 오차, 모의실험",
        }
        for lost in clock_panel.LOST
    },
    **{
        f"mean error, {reads} reads": {
            "en": f"adult error at {reads} simulated reads a site",
            "ko": f"자리당 리드 {reads}개를 모의실험했을 때의 성인 오차",
        }
        for reads in clock_panel.READS
    },
}

CAVEATS: dict[str, tuple[str, ...]] = {
    "en": (
        "Stimulation: every value is simulated. A model of twelve people's connectomes was driven; nothing was shown "
        "about a person, a device or a treatment, and charge and amplitude have no physical unit.",
        "Stimulation: look at the controls. Where random sites or rewired connectomes gain as much, the site or the "
        "wiring did not matter.",
        "Clock panels: chosen and judged on arrays of one study. That they work by sequencing is not shown: reads are "
        "simulated as binomial counts, without the bias that bisulphite treatment and amplification add.",
        "Clock panels: cross-validated errors of training donors are too small, since the pool of CpGs was chosen on "
        "them; only the held-out donors count. Their figure is flattered too: the pool was cut after the gate had "
        "refused the finalists of two campaigns.",
        "Clock panels: that one reads held-out donors 0.3 years better than the lasso path's panel, both by the same "
        "regression, is not shown; 148 donors are too few for so small a gain.",
    ),
    "ko": (
        "자극: 모든 값은 모의실험입니다. 열두 명의 연결망 모델을 자극했을 뿐, 사람이나 기기, 치료에 대해 보인 것은 "
        "없으며 전하와 진폭에는 물리 단위가 없습니다.",
        "자극: 대조를 함께 보십시오. 무작위 자리나 뒤섞은 연결에서도 그만큼 늘면 자리나 연결이 중요하지 않았다는 "
        "뜻입니다.",
        "시계 패널: 한 연구의 배열로 고르고 판정했습니다. 시퀀싱에서도 되는지는 보이지 않았습니다. "
        "리드는 이항 분포로 모의실험한 것이며 중아황산염 처리와 증폭의 치우침은 들어 있지 않습니다.",
        "시계 패널: 학습 기증자의 교차 검증 오차는 실제보다 작습니다. CpG 후보를 그들에게서 골랐기 때문이며, "
        "따로 둔 기증자의 오차만 의미가 있습니다. 그 값도 얼마간 부풀려져 있습니다. 관문이 두 캠페인의 최종 후보를 "
        "거절한 뒤에 후보를 줄였기 때문입니다.",
        "시계 패널: 같은 회귀로 읽었을 때 따로 둔 기증자에서 lasso 경로 패널보다 0.3년 낫다는 것은 보이지 못했습니다. "
        "그만큼 작은 이득을 가르기에 148명은 모자랍니다.",
    ),
}
