"""The prebuilt voices of the Azure speech service: its locales, who speaks them, and their genders.

Names and genders only, as the service's documentation lists them, the locale's own voice first. Each row:
the locale, its women's names, its men's. "Katja" of "de-DE" is the voice "de-DE-KatjaNeural".
"""

from __future__ import annotations

ROWS = """
af-ZA Adri / Willem
am-ET Mekdes / Ameha
ar-AE Fatima / Hamdan
ar-BH Laila / Ali
ar-DZ Amina / Ismael
ar-EG Salma / Shakir
ar-IQ Rana / Bassel
ar-JO Sana / Taim
ar-KW Noura / Fahed
ar-LB Layla / Rami
ar-LY Iman / Omar
ar-MA Mouna / Jamal
ar-OM Aysha / Abdullah
ar-QA Amal / Moaz
ar-SA Zariyah / Hamed
ar-SY Amany / Laith
ar-TN Reem / Hedi
ar-YE Maryam / Saleh
as-IN Yashica / Priyom
az-AZ Banu / Babek
bg-BG Kalina / Borislav
bn-BD Nabanita / Pradeep
bn-IN Tanishaa / Bashkar
bs-BA Vesna / Goran
ca-ES Joana Alba / Enric
cs-CZ Vlasta / Antonin
cy-GB Nia / Aled
da-DK Christel / Jeppe
de-AT Ingrid / Jonas
de-CH Leni / Jan
de-DE Katja Amala Elke Gisela Klarissa Louisa Maja SeraphinaMultilingual Tanja / Conrad Bernd Christoph
  FlorianMultilingual Kasper Killian Klaus Ralf
el-GR Athina / Nestoras
en-AU Natasha Annette Carly Elsie Freya Joanne Kim Tina / William Darren Duncan Ken Neil Tim
en-CA Clara / Liam
en-GB Sonia Libby Abbi Bella Hollie Maisie Olivia AdaMultilingual / Ryan Alfie Elliot Ethan Noah Oliver Thomas
  OllieMultilingual
en-HK Yan / Sam
en-IE Emily / Connor
en-IN Neerja Aashi Ananya Kavya / Prabhat Aarav Kunal Rehaan
en-KE Asilia / Chilemba
en-NG Ezinne / Abeo
en-NZ Molly / Mitchell
en-PH Rosa / James
en-SG Luna / Wayne
en-TZ Imani / Elimu
en-US Jenny AvaMultilingual EmmaMultilingual Ava Emma Aria Jane Sara Nancy Amber Ana Ashley Cora Elizabeth
  JennyMultilingual JennyMultilingualV2 Michelle Monica AIGenerate2 Luna NovaTurboMultilingual
  NovaMultilingual
  ShimmerMultilingual / Guy AndrewMultilingual BrianMultilingual Andrew Brian Davis Jason Tony Brandon
  Christopher Eric Jacob Roger RyanMultilingual Steffan AIGenerate1 AlloyTurboMultilingual Kai
  AlloyMultilingual
  EchoMultilingual OnyxMultilingual
en-ZA Leah / Luke
es-AR Elena / Tomas
es-BO Sofia / Marcelo
es-CL Catalina / Lorenzo
es-CO Salome / Gonzalo
es-CR Maria / Juan
es-CU Belkys / Manuel
es-DO Ramona / Emilio
es-EC Andrea / Luis
es-ES Elvira Abril Estrella Irene Laia Lia Triana Vera Ximena ArabellaMultilingual IsidoraMultilingual /
  Alvaro
  Arnau Dario Elias Nil Saul Teo
es-GQ Teresa / Javier
es-GT Marta / Andres
es-HN Karla / Carlos
es-MX Dalia Beatriz Candela Carlota Larissa Marina Nuria Renata / Jorge Cecilio Gerardo Liberto Luciano Pelayo
  Yago
es-NI Yolanda / Federico
es-PA Margarita / Roberto
es-PE Camila / Alex
es-PR Karina / Victor
es-PY Tania / Mario
es-SV Lorena / Rodrigo
es-US Paloma / Alonso
es-UY Valentina / Mateo
es-VE Paola / Sebastian
et-EE Anu / Kert
eu-ES Ainhoa / Ander
fa-IR Dilara / Farid
fi-FI Selma Noora / Harri
fil-PH Blessica / Angelo
fr-BE Charline / Gerard
fr-CA Sylvie / Jean Antoine Thierry
fr-CH Ariane / Fabrice
fr-FR Denise Brigitte Celeste Coralie Eloise Jacqueline Josephine VivienneMultilingual Yvette / Henri Alain
  Claude Jerome Maurice RemyMultilingual Yves
ga-IE Orla / Colm
gl-ES Sabela / Roi
gu-IN Dhwani / Niranjan
he-IL Hila / Avri
hi-IN Swara Ananya Kavya / Madhur Aarav Kunal Rehaan
hr-HR Gabrijela / Srecko
hu-HU Noemi / Tamas
hy-AM Anahit / Hayk
id-ID Gadis / Ardi
is-IS Gudrun / Gunnar
it-IT Elsa Isabella Fabiola Fiamma Imelda Irma Palmira Pierina IsabellaMultilingual / Diego Benigno Calimero
  Cataldo Gianni Giuseppe Lisandro Rinaldo AlessioMultilingual MarcelloMultilingual
ja-JP Nanami Aoi Mayu Shiori / Keita Daichi Naoki MasaruMultilingual
jv-ID Siti / Dimas
ka-GE Eka / Giorgi
kk-KZ Aigul / Daulet
km-KH Sreymom / Piseth
kn-IN Sapna / Gagan
ko-KR SunHi JiMin SeoHyeon SoonBok YuJin / InJoon BongJin GookMin Hyunsu
lo-LA Keomany / Chanthavong
lt-LT Ona / Leonas
lv-LV Everita / Nils
mk-MK Marija / Aleksandar
ml-IN Sobhana / Midhun
mn-MN Yesui / Bataa
mr-IN Aarohi / Manohar
ms-MY Yasmin / Osman
mt-MT Grace / Joseph
my-MM Nilar / Thiha
nb-NO Pernille Iselin / Finn
ne-NP Hemkala / Sagar
nl-BE Dena / Arnaud
nl-NL Fenna Colette / Maarten
or-IN Subhasini / Sukant
pa-IN Vaani / Ojas
pl-PL Agnieszka Zofia / Marek
ps-AF Latifa / GulNawaz
pt-BR Francisca Brenda Elza Giovanna Leila Leticia Manuela Thalita Yara ThalitaMultilingual / Antonio Donato
  Fabio Humberto Julio Nicolau Valerio
pt-PT Raquel Fernanda / Duarte
ro-RO Alina / Emil
ru-RU Svetlana Dariya / Dmitry
si-LK Thilini / Sameera
sk-SK Viktoria / Lukas
sl-SI Petra / Rok
so-SO Ubax / Muuse
sq-AL Anila / Ilir
sr-Latn-RS Sophie / Nicholas
sr-RS Sophie / Nicholas
su-ID Tuti / Jajang
sv-SE Sofie Hillevi / Mattias
sw-KE Zuri / Rafiki
sw-TZ Rehema / Daudi
ta-IN Pallavi / Valluvar
ta-LK Saranya / Kumar
ta-MY Kani / Surya
ta-SG Venba / Anbu
te-IN Shruti / Mohan
th-TH Premwadee Achara / Niwat
tr-TR Emel / Ahmet
uk-UA Polina / Ostap
ur-IN Gul / Salman
ur-PK Uzma / Asad
uz-UZ Madina / Sardor
vi-VN HoaiMy / NamMinh
wuu-CN Xiaotong / Yunzhe
yue-CN XiaoMin / YunSong
zh-CN Xiaoxiao Xiaoyi Xiaochen XiaochenMultilingual Xiaohan Xiaomeng Xiaomo Xiaoqiu Xiaorou Xiaorui Xiaoshuang
  XiaoxiaoDialects XiaoxiaoMultilingual Xiaoyan Xiaoyou XiaoyuMultilingual Xiaozhen / Yunxi Yunjian Yunyang
  Yunfeng Yunhao Yunjie Yunxia Yunye YunyiMultilingual Yunze YunfanMultilingual YunxiaoMultilingual
zh-CN-guangxi / Yunqi
zh-CN-henan / Yundeng
zh-CN-liaoning Xiaobei / Yunbiao
zh-CN-shaanxi Xiaoni /
zh-CN-shandong / Yunxiang
zh-CN-sichuan / Yunxi
zh-HK HiuMaan HiuGaai / WanLung
zh-TW HsiaoChen HsiaoYu / YunJhe
zu-ZA Thando / Themba
"""


def table() -> dict[str, tuple[str, str, str]]:
    """Name, locale and gender of each voice by its name in small letters, in the order of the rows."""
    found: dict[str, tuple[str, str, str]] = {}
    locale, gender = "", ""
    for line in ROWS.strip().splitlines():
        words = line.split()
        if not line.startswith(" "):
            locale, gender = words.pop(0), "female"
        for word in words:
            name = f"{locale}-{word}Neural"
            if word == "/":
                gender = "male"
            else:
                found[name.lower()] = (name, locale, gender)
    return found
