"""Why a structure is not taken, and what is worth knowing of one that is; the limits stand here beside their words."""

from __future__ import annotations

MAX_LENGTH = 2000
"""Characters of a SMILES; the longest of 48,714 measured ChEMBL compounds (MoleculeACE) has 761."""

MAX_HEAVY_ATOMS = 400
"""Heavy atoms; the largest of the same compounds, a peptide, has 316. Beyond it stand proteins and polymers."""

PROBLEMS: dict[str, dict[str, str]] = {
    "empty": {"ko": "구조가 비어 있음", "en": "there is no structure"},
    "too-long": {
        "ko": f"SMILES가 {MAX_LENGTH}자보다 김 ({{detail}}자)",
        "en": f"the SMILES is longer than {MAX_LENGTH} characters ({{detail}})",
    },
    "too-large": {
        "ko": f"무거운 원자가 {MAX_HEAVY_ATOMS}개보다 많음 ({{detail}}개): 저분자가 아님",
        "en": f"more than {MAX_HEAVY_ATOMS} heavy atoms ({{detail}}): not a small molecule",
    },
    "reaction": {"ko": "분자가 아니라 반응 SMILES임", "en": "a reaction SMILES, not a molecule"},
    "polymer": {"ko": "고분자 표기(중괄호)가 들어 있음", "en": "it has the braces of a polymer notation"},
    "extended": {
        "ko": "확장 SMILES(|…|)는 받지 않음: 일반 SMILES로 쓸 것",
        "en": "an extended SMILES (|…|) is not taken, since it may say more than is read: write it as plain SMILES",
    },
    "malformed": {"ko": "SMILES로 읽을 수 없음: {detail}", "en": "not a SMILES: {detail}"},
    "dummy-atom": {
        "ko": "정해지지 않은 원자(* 또는 R)가 있음: 치환기를 모두 적을 것",
        "en": "it has an atom that is left open (* or R): write out every substituent",
    },
    "odd-bond": {
        "ko": "단일, 이중, 삼중, 방향족이 아닌 결합이 있음: {detail}",
        "en": "it has a bond that is not single, double, triple or aromatic: {detail}",
    },
    "element": {
        "ko": "저분자 규칙이 다루지 않는 원소가 있음: {detail}",
        "en": "it holds an element that no rule of small molecules covers: {detail}",
    },
    "boron-cluster": {"ko": "붕소 원자가 7개보다 많음", "en": "it has more than 7 boron atoms"},
    "radical": {
        "ko": "홀전자가 있음: 수소가 빠지지 않았는지 볼 것",
        "en": "it has unpaired electrons: look for a missing hydrogen",
    },
    "inorganic": {"ko": "탄소가 없음", "en": "it has no carbon"},
    "mixture": {
        "ko": "염과 용매를 떼어도 성분이 {detail}개 남음: 한 행에 한 화합물만 적을 것",
        "en": "{detail} compounds remain after salts and solvents are stripped: write one compound a row",
    },
    "no-standard-form": {"ko": "표준형을 만들 수 없음: {detail}", "en": "it has no standard form: {detail}"},
}
"""Why a structure is not taken: code to sentence, in Korean and English."""

FLAGS: dict[str, dict[str, str]] = {
    "name-dropped": {"ko": "SMILES 뒤의 이름은 읽지 않음", "en": "the name behind the SMILES was left out"},
    "salt-stripped": {"ko": "염이나 용매를 떼어 냄", "en": "a salt or solvent was stripped"},
    "isotope": {"ko": "동위원소 표지 있음", "en": "labelled with an isotope"},
    "charged": {"ko": "중화되지 않는 전하 있음", "en": "it carries a charge that cannot be neutralised"},
    "undefined-stereocentre": {"ko": "입체 중심이 정해지지 않음", "en": "a stereocentre is not defined"},
    "undefined-double-bond": {
        "ko": "이중 결합의 기하 구조가 정해지지 않음",
        "en": "the geometry of a double bond is not defined",
    },
}
"""What is worth knowing about a structure that is taken: code to sentence, in Korean and English."""
