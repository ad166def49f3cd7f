//! Sets of countries by the register's own numbering, used only inside one register's decisions.

/// How many countries a register may hold.
pub(in crate::marking) const COUNTRIES_MAX: usize = 384;

/// A set of countries: one bit for each number in the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::marking) struct CountrySet([u64; COUNTRIES_MAX / 64]);

impl CountrySet {
    pub const EMPTY: Self = Self([0; COUNTRIES_MAX / 64]);

    pub fn insert(&mut self, number: u16) {
        self.0[usize::from(number) / 64] |= 1 << (number % 64);
    }

    pub fn remove(&mut self, number: u16) {
        self.0[usize::from(number) / 64] &= !(1 << (number % 64));
    }

    pub fn has(&self, number: u16) -> bool {
        self.0[usize::from(number) / 64] & (1 << (number % 64)) != 0
    }

    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }

    pub fn take(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine &= !theirs;
        }
    }

    pub fn keep(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine &= theirs;
        }
    }

    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).all(|(mine, theirs)| mine & !theirs == 0)
    }

    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        (0..COUNTRIES_MAX as u16).filter(|n| self.has(*n))
    }
}
