//! Prints the objects of a PDF in canonical form.

use std::fmt::Write as _;

use super::file::object::Object;

/// Appends an operand in canonical form.
pub(super) fn object(object: &Object, out: &mut String) {
    match object {
        Object::Number(n) => number(*n, out),
        Object::Name(name) => {
            out.push('/');
            out.push_str(name);
        }
        Object::Text(text) => {
            out.push('(');
            for b in text {
                match b {
                    b'(' | b')' | b'\\' => {
                        out.push('\\');
                        out.push(char::from(*b));
                    }
                    0x20..=0x7E => out.push(char::from(*b)),
                    _ => {
                        let _ = write!(out, "\\{b:03o}");
                    }
                }
            }
            out.push(')');
        }
        Object::List(list) => {
            out.push('[');
            for (i, item) in list.iter().enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                self::object(item, out);
            }
            out.push(']');
        }
        // INVARIANT: the interpreter accepts no operand of these types.
        Object::Null | Object::Bool(_) | Object::Dict(_) | Object::Ref(_) | Object::Keyword(_) => out.push_str("null"),
    }
}

/// Appends a number with at most four decimals and no trailing zeros.
pub(super) fn number(n: f64, out: &mut String) {
    let text = format!("{n:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    out.push_str(if matches!(text, "-0" | "") { "0" } else { text });
}
