//! The brackets of Unicode (categories Ps, Pi, Pe and Pf without quotation marks), and characters that look like them.

/// Opening brackets, ascending.
const OPENING: [char; 89] = [
    '\u{AB}', '\u{F3A}', '\u{F3C}', '\u{169B}', '\u{2039}', '\u{2045}', '\u{207D}', '\u{208D}', '\u{226A}', '\u{2308}',
    '\u{230A}', '\u{231C}', '\u{231E}', '\u{2329}', '\u{239B}', '\u{239D}', '\u{23A1}', '\u{23A3}', '\u{23A7}',
    '\u{23A9}', '\u{2768}', '\u{276A}', '\u{276C}', '\u{276E}', '\u{2770}', '\u{2772}', '\u{2774}', '\u{27C5}',
    '\u{27E6}', '\u{27E8}', '\u{27EA}', '\u{27EC}', '\u{27EE}', '\u{2983}', '\u{2985}', '\u{2987}', '\u{2989}',
    '\u{298B}', '\u{298D}', '\u{298F}', '\u{2991}', '\u{2993}', '\u{2995}', '\u{2997}', '\u{29D8}', '\u{29DA}',
    '\u{29FC}', '\u{2E02}', '\u{2E04}', '\u{2E09}', '\u{2E0C}', '\u{2E1C}', '\u{2E20}', '\u{2E22}', '\u{2E24}',
    '\u{2E26}', '\u{2E28}', '\u{2E55}', '\u{2E57}', '\u{2E59}', '\u{2E5B}', '\u{3008}', '\u{300A}', '\u{300C}',
    '\u{300E}', '\u{3010}', '\u{3014}', '\u{3016}', '\u{3018}', '\u{301A}', '\u{FD3F}', '\u{FE17}', '\u{FE35}',
    '\u{FE37}', '\u{FE39}', '\u{FE3B}', '\u{FE3D}', '\u{FE3F}', '\u{FE41}', '\u{FE43}', '\u{FE47}', '\u{FE59}',
    '\u{FE5B}', '\u{FE5D}', '\u{FF08}', '\u{FF3B}', '\u{FF5B}', '\u{FF5F}', '\u{FF62}',
];

/// Closing brackets, ascending.
const CLOSING: [char; 89] = [
    '\u{BB}', '\u{F3B}', '\u{F3D}', '\u{169C}', '\u{203A}', '\u{2046}', '\u{207E}', '\u{208E}', '\u{226B}', '\u{2309}',
    '\u{230B}', '\u{231D}', '\u{231F}', '\u{232A}', '\u{239E}', '\u{23A0}', '\u{23A4}', '\u{23A6}', '\u{23AB}',
    '\u{23AD}', '\u{2769}', '\u{276B}', '\u{276D}', '\u{276F}', '\u{2771}', '\u{2773}', '\u{2775}', '\u{27C6}',
    '\u{27E7}', '\u{27E9}', '\u{27EB}', '\u{27ED}', '\u{27EF}', '\u{2984}', '\u{2986}', '\u{2988}', '\u{298A}',
    '\u{298C}', '\u{298E}', '\u{2990}', '\u{2992}', '\u{2994}', '\u{2996}', '\u{2998}', '\u{29D9}', '\u{29DB}',
    '\u{29FD}', '\u{2E03}', '\u{2E05}', '\u{2E0A}', '\u{2E0D}', '\u{2E1D}', '\u{2E21}', '\u{2E23}', '\u{2E25}',
    '\u{2E27}', '\u{2E29}', '\u{2E56}', '\u{2E58}', '\u{2E5A}', '\u{2E5C}', '\u{3009}', '\u{300B}', '\u{300D}',
    '\u{300F}', '\u{3011}', '\u{3015}', '\u{3017}', '\u{3019}', '\u{301B}', '\u{FD3E}', '\u{FE18}', '\u{FE36}',
    '\u{FE38}', '\u{FE3A}', '\u{FE3C}', '\u{FE3E}', '\u{FE40}', '\u{FE42}', '\u{FE44}', '\u{FE48}', '\u{FE5A}',
    '\u{FE5C}', '\u{FE5E}', '\u{FF09}', '\u{FF3D}', '\u{FF5D}', '\u{FF60}', '\u{FF63}',
];

/// Returns whether a character is an opening bracket.
pub(super) fn opens(c: char) -> bool {
    OPENING.binary_search(&c).is_ok()
}

/// Returns whether a character is a closing bracket.
pub(super) fn closes(c: char) -> bool {
    CLOSING.binary_search(&c).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_order_and_apart() {
        assert!(OPENING.is_sorted() && CLOSING.is_sorted());
        assert!(!OPENING.iter().any(|c| closes(*c)));
    }
}
