"""The sentences of the analysis `agrifood/set-points`, in English and Korean."""

from __future__ import annotations

from dure.models.recipe import Texts

WORDS: dict[str, Texts] = {
    "title": {
        "en": "The day to come: {money:+.3f} EUR/m² expected (simulated)",
        "ko": "다가올 하루: 기댓값 {money:+.3f} EUR/m² (모의실험)",
    },
    "note": {
        "en": "Simulated: van Henten's lettuce model. No greenhouse was run.",
        "ko": "모의실험: van Henten 상추 모형. 실제 온실을 운전하지 않았습니다.",
    },
    "answer": {
        "en": "All values are simulated, with the campaign's answer in van Henten's lettuce model.",
        "ko": "모든 값은 캠페인의 답을 van Henten 상추 모형에 적용한 모의실험 결과입니다.",
    },
    "rules": {
        "en": "No campaign was named: these are the tuned rules of lettuce-greenhouse-gym, simulated.",
        "ko": "캠페인을 지정하지 않아 lettuce-greenhouse-gym의 조정된 규칙으로 모의실험했습니다.",
    },
    "day": {
        "en": "Expected over the day: {money:+.3f} EUR/m²: profit {profit:+.3f}, less {lost:.3f} for time outside the "
        "limits; growth is valued at the price of harvest.",
        "ko": "하루 기댓값 {money:+.3f} EUR/m²: 이익 {profit:+.3f}에서 한계를 벗어난 시간의 비용 {lost:.3f}을 뺀 값. "
        "생장은 수확 가격으로 셈합니다.",
    },
    "tuned": {
        "en": "Expected over a season: {mean:+.2f} EUR/m² as the mean of the {n} seasons it was tuned on (worst "
        "{low:+.2f}): optimistic, since they were tuned on.",
        "ko": "재배 전체의 기댓값: 조정에 쓴 재배 {n}회의 평균 {mean:+.2f} EUR/m² (최저 {low:+.2f}). 조정에 쓴 재배라 "
        "낙관적입니다.",
    },
    "near": {
        "en": "Expected over a season: {mean:+.2f} EUR/m², the mean of {n} seasons in winter light (worst {low:+.2f}).",
        "ko": "재배 전체의 기댓값: 겨울 재배 {n}회의 평균 {mean:+.2f} EUR/m² (최저 {low:+.2f}).",
    },
    "held-out": {
        "en": "On {n} seasons that no campaign tuned on, spring and summer among them: {mean:+.2f} EUR/m² (worst "
        "{low:+.2f}).",
        "ko": "조정에 쓰지 않은 재배 {n}회 (봄과 여름 포함): 평균 {mean:+.2f} EUR/m² (최저 {low:+.2f}).",
    },
    "forecast": {
        "en": "The table tells the weather from {first} on, in {rows} rows; the forecast is taken as certain.",
        "ko": "표의 날씨는 {first}부터 {rows}행입니다. 예보가 맞는다고 봅니다.",
    },
    "again": {
        "en": "The forecast ends after {hours:g} hours; beyond it the day is taken to come again.",
        "ko": "예보가 {hours:g}시간에서 끝나므로 그 뒤에는 같은 하루가 되풀이된다고 봅니다.",
    },
    "assumed": {
        "en": "Not all actuators of now are given; those left out are taken as no CO₂, vents shut, heating 50 W/m².",
        "ko": "현재 구동기 값 가운데 빠진 것은 CO₂ 없음, 환기창 닫힘, 난방 50 W/m²로 보았습니다.",
    },
    "example": {
        "en": "No table was given: this is an example, day {n} of the season `{member}` in the weather {name}; it is "
        "not the state of your greenhouse, and not tomorrow.",
        "ko": "표가 없어 예시를 보입니다: 날씨 {name}의 재배 `{member}` {n}일째. 사용자 온실의 상태도 내일도 아닙니다.",
    },
    "hours set-points": {
        "en": "Set-points hour by hour, and what they are expected to do (simulated)",
        "ko": "시간별 설정값과 예상되는 결과 (모의실험)",
    },
    "hours plan": {
        "en": "Hour by hour: actuators, and the climate inside that a climate computer is to hold (simulated)",
        "ko": "시간별 구동기 값과, 환경 제어기가 유지할 실내 환경 (모의실험)",
    },
    "parts": {"en": "What the day is expected to come to (simulated)", "ko": "하루 수지 예상 (모의실험)"},
    "part": {"en": "part", "ko": "항목"},
    "money": {"en": "EUR/m²", "ko": "EUR/m²"},
    "revenue": {"en": "growth", "ko": "생장"},
    "energy cost": {"en": "heat, a cost", "ko": "난방비"},
    "CO2 cost": {"en": "CO₂, a cost", "ko": "CO₂ 비용"},
    "CO2 penalty": {"en": "outside the CO₂ limits, a cost", "ko": "CO₂ 한계를 벗어난 비용"},
    "temperature penalty": {"en": "outside the temperature limits, a cost", "ko": "온도 한계를 벗어난 비용"},
    "humidity penalty": {"en": "above the humidity limit, a cost", "ko": "습도 한계를 벗어난 비용"},
    "total": {"en": "growth less all costs", "ko": "생장에서 비용을 모두 뺀 값"},
    "limits": {
        "en": "Shadow prices: what the day gains for a unit that a limit is moved outwards, same controls (simulated)",
        "ko": "그림자 가격: 제어를 그대로 두고 한계를 바깥으로 한 단위 옮길 때 하루에 얻는 값 (모의실험)",
    },
    "limit": {"en": "limit", "ko": "한계"},
    "at": {"en": "at", "ko": "값"},
    "unit": {"en": "unit", "ko": "단위"},
    "outside": {"en": "hours outside", "ko": "벗어난 시간"},
    "price": {"en": "EUR/m² for a unit", "ko": "단위당 EUR/m²"},
}
AROUND: list[Texts] = [
    {"en": "hour", "ko": "시각"},
    {"en": "outside °C", "ko": "바깥 °C"},
    {"en": "light W/m²", "ko": "일사 W/m²"},
]
ASKED: list[Texts] = [
    {"en": "set: heat to °C", "ko": "설정: 난방 °C"},
    {"en": "set: vent above °C", "ko": "설정: 환기 시작 °C"},
    {"en": "set: CO₂ ppm", "ko": "설정: CO₂ ppm"},
]
SEEN: list[Texts] = [
    {"en": "heating W/m²", "ko": "난방 W/m²"},
    {"en": "ventilation mm/s", "ko": "환기 mm/s"},
    {"en": "CO₂ mg/m²/s", "ko": "CO₂ mg/m²/s"},
    {"en": "inside °C", "ko": "실내 °C"},
    {"en": "humidity %", "ko": "습도 %"},
    {"en": "CO₂ ppm", "ko": "CO₂ ppm"},
]
LIMIT_WORDS: dict[str, Texts] = {
    "CO2 low": {"en": "CO₂ at least", "ko": "CO₂ 하한"},
    "CO2 high": {"en": "CO₂ at most", "ko": "CO₂ 상한"},
    "temperature low": {"en": "temperature at least", "ko": "온도 하한"},
    "temperature high": {"en": "temperature at most", "ko": "온도 상한"},
    "humidity high": {"en": "humidity at most", "ko": "습도 상한"},
}
