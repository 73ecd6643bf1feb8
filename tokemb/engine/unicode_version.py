"""Characters that are newer than Unicode 9.

Each library contains its own Unicode tables of letters, digits, marks and compositions. `tokenizers` has some of
Unicode 9 (normalization) and some of 16 (regular expressions), gigatoken has those of 17. All agree on the characters
of Unicode 9 (2016). The reference encodes texts with newer letters or unassigned code points. Newer emoji and other
symbols are the same in all tables.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tokemb.engine.buffers import string_buffers
from tokemb.rows.threads import parallel_map, split_evenly, thread_count

# The code points that Unicode 9 does not assign, in hexadecimal. Above FFFF the ranges are coarse: they include whole
# planes of rare scripts, but not the blocks of emoji and mathematical letters.
_RANGES = """
378-379 380-383 38B 38D 3A2 530 557-558 560 588 58B-58C 590 5C8-5CF 5EB-5EF 5F5-5FF 61D 70E 74B-74C 7B2-7BF 7FB-7FF
82E-82F 83F 85C-85D 85F-89F 8B5 8BE-8D3 984 98D-98E 991-992 9A9 9B1 9B3-9B5 9BA-9BB 9C5-9C6 9C9-9CA 9CF-9D6 9D8-9DB
9DE 9E4-9E5 9FC-A00 A04 A0B-A0E A11-A12 A29 A31 A34 A37 A3A-A3B A3D A43-A46 A49-A4A A4E-A50 A52-A58 A5D A5F-A65
A76-A80 A84 A8E A92 AA9 AB1 AB4 ABA-ABB AC6 ACA ACE-ACF AD1-ADF AE4-AE5 AF2-AF8 AFA-B00 B04 B0D-B0E B11-B12 B29 B31
B34 B3A-B3B B45-B46 B49-B4A B4E-B55 B58-B5B B5E B64-B65 B78-B81 B84 B8B-B8D B91 B96-B98 B9B B9D BA0-BA2 BA5-BA7
BAB-BAD BBA-BBD BC3-BC5 BC9 BCE-BCF BD1-BD6 BD8-BE5 BFB-BFF C04 C0D C11 C29 C3A-C3C C45 C49 C4E-C54 C57 C5B-C5F
C64-C65 C70-C77 C84 C8D C91 CA9 CB4 CBA-CBB CC5 CC9 CCE-CD4 CD7-CDD CDF CE4-CE5 CF0 CF3-D00 D04 D0D D11 D3B-D3C D45
D49 D50-D53 D64-D65 D80-D81 D84 D97-D99 DB2 DBC DBE-DBF DC7-DC9 DCB-DCE DD5 DD7 DE0-DE5 DF0-DF1 DF5-E00 E3B-E3E
E5C-E80 E83 E85-E86 E89 E8B-E8C E8E-E93 E98 EA0 EA4 EA6 EA8-EA9 EAC EBA EBE-EBF EC5 EC7 ECE-ECF EDA-EDB EE0-EFF F48
F6D-F70 F98 FBD FCD FDB-FFF 10C6 10C8-10CC 10CE-10CF 1249 124E-124F 1257 1259 125E-125F 1289 128E-128F 12B1 12B6-12B7
12BF 12C1 12C6-12C7 12D7 1311 1316-1317 135B-135C 137D-137F 139A-139F 13F6-13F7 13FE-13FF 169D-169F 16F9-16FF 170D
1715-171F 1737-173F 1754-175F 176D 1771 1774-177F 17DE-17DF 17EA-17EF 17FA-17FF 180F 181A-181F 1878-187F 18AB-18AF
18F6-18FF 191F 192C-192F 193C-193F 1941-1943 196E-196F 1975-197F 19AC-19AF 19CA-19CF 19DB-19DD 1A1C-1A1D 1A5F
1A7D-1A7E 1A8A-1A8F 1A9A-1A9F 1AAE-1AAF 1ABF-1AFF 1B4C-1B4F 1B7D-1B7F 1BF4-1BFB 1C38-1C3A 1C4A-1C4C 1C89-1CBF
1CC8-1CCF 1CF7 1CFA-1CFF 1DF6-1DFA 1F16-1F17 1F1E-1F1F 1F46-1F47 1F4E-1F4F 1F58 1F5A 1F5C 1F5E 1F7E-1F7F 1FB5 1FC5
1FD4-1FD5 1FDC 1FF0-1FF1 1FF5 1FFF 2065 2072-2073 208F 209D-209F 20BF-20CF 20F1-20FF 218C-218F 23FF 2427-243F
244B-245F 2B74-2B75 2B96-2B97 2BBA-2BBC 2BC9 2BD2-2BEB 2BF0-2BFF 2C2F 2C5F 2CF4-2CF8 2D26 2D28-2D2C 2D2E-2D2F
2D68-2D6E 2D71-2D7E 2D97-2D9F 2DA7 2DAF 2DB7 2DBF 2DC7 2DCF 2DD7 2DDF 2E45-2E7F 2E9A 2EF4-2EFF 2FD6-2FEF 2FFC-2FFF
3040 3097-3098 3100-3104 312E-3130 318F 31BB-31BF 31E4-31EF 321F 32FF 4DB6-4DBF 9FD6-9FFF A48D-A48F A4C7-A4CF
A62C-A63F A6F8-A6FF A7AF A7B8-A7F6 A82C-A82F A83A-A83F A878-A87F A8C6-A8CD A8DA-A8DF A8FE-A8FF A954-A95E A97D-A97F
A9CE A9DA-A9DD A9FF AA37-AA3F AA4E-AA4F AA5A-AA5B AAC3-AADA AAF7-AB00 AB07-AB08 AB0F-AB10 AB17-AB1F AB27 AB2F
AB66-AB6F ABEE-ABEF ABFA-ABFF D7A4-D7AF D7C7-D7CA D7FC-DFFF FA6E-FA6F FADA-FAFF FB07-FB12 FB18-FB1C FB37 FB3D FB3F
FB42 FB45 FBC2-FBD2 FD40-FD4F FD90-FD91 FDC8-FDCF FDFE-FDFF FE1A-FE1F FE53 FE67 FE6C-FE6F FE75 FEFD-FEFE FF00
FFBF-FFC1 FFC8-FFC9 FFD0-FFD1 FFD8-FFD9 FFDD-FFDF FFE7 FFEF-FFF8 10000-1D3FF 1D800-1EFFF 1FB00-1FFFF 2A6D7-2A6FF
2B735-2B73F 2B81E-2B81F 2CEA2-2F7FF 2FA1E-DFFFF E01F0-EFFFF
"""
_NEWER = "[" + "".join("-".join(rf"\x{{{end}}}" for end in span.split("-")) for span in _RANGES.split()) + "]"


def has_newer_characters(texts: pa.LargeStringArray, threads: int | None = 1) -> npt.NDArray[np.bool_]:
    """Return which of ``texts``, ``large_string`` (rows,), contain a newer character: bool (rows,)."""
    found = np.zeros(len(texts), np.bool_)
    offsets, data = string_buffers(texts)

    # The first newer character is U+0378. Most texts have few characters from there on, except the dashes and quotes of
    # U+2000 to U+203F, which are not newer. Finding the rows with others takes a tenth of the time of the regex search.
    def find_lead_bytes(first: int, last: int) -> npt.NDArray[np.intp]:
        return np.flatnonzero(data[first:last] >= 0xCD) + first

    leads = np.concatenate(
        [
            np.zeros(0, np.intp),
            *parallel_map(find_lead_bytes, split_evenly(len(data), len(data), thread_count(threads))),
        ]
    )
    leads = leads[(data[leads] != 0xE2) | (data[leads + 1] != 0x80)]
    if not len(leads):
        return found
    rows = np.arange(len(texts))
    if len(leads) < len(data) // 16:
        rows = np.unique(np.searchsorted(offsets, leads, side="right") - 1)
    found[rows] = pc.match_substring_regex(texts.take(pa.array(rows)), _NEWER).to_numpy(zero_copy_only=False)
    return found
