//! A small fixed table from text to value, filled once when a register is loaded.

/// Open addressing over FNV-1a: a lookup hashes the text once and compares a few bytes.
///
/// The standard map's keyed hash costs more than the rest of reading a mark. Its protection against chosen collisions
/// is not needed: only the register's own keys are ever inserted, so what a stranger looks up cannot lengthen a probe
/// beyond the runs those keys made.
#[derive(Debug, Clone)]
pub(in crate::marking) struct HashTable<V> {
    slots: Vec<Option<(Box<str>, V)>>,
}

impl<V: Copy> HashTable<V> {
    /// A table with room for `len` keys at half load or less.
    pub fn with_room(len: usize) -> Self {
        let size = (len * 2).next_power_of_two().max(16);
        Self { slots: std::iter::repeat_with(|| None).take(size).collect() }
    }

    /// Inserts, and says whether the key was new. An old value stays.
    pub fn insert(&mut self, key: &str, value: V) -> bool {
        let mask = self.slots.len() - 1;
        let mut at = hash(key) & mask;
        loop {
            match &self.slots[at] {
                None => {
                    self.slots[at] = Some((key.into(), value));
                    return true;
                }
                Some((found, _)) if &**found == key => return false,
                Some(_) => at = (at + 1) & mask,
            }
        }
    }

    /// The value of `key`.
    pub fn find(&self, key: &str) -> Option<V> {
        let mask = self.slots.len() - 1;
        let mut at = hash(key) & mask;
        // INVARIANT: at most half the slots are filled, so a probe meets an empty one.
        while let Some((found, value)) = &self.slots[at] {
            if &**found == key {
                return Some(*value);
            }
            at = (at + 1) & mask;
        }
        None
    }
}

fn hash(key: &str) -> usize {
    let mut state: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in key.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    (state ^ (state >> 32)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_inserted_and_nothing_else() {
        let mut table = HashTable::with_room(3);
        assert!(table.insert("USA", 1));
        assert!(table.insert("GBR", 2));
        assert!(!table.insert("USA", 3));
        assert_eq!(table.find("USA"), Some(1));
        assert_eq!(table.find("GBR"), Some(2));
        assert_eq!(table.find("FRA"), None);
    }
}
