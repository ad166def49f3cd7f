//! Sets of countries by the register's own numbering, used only inside one register's decisions.

/// The most countries a register may hold.
pub(in crate::marking) const COUNTRIES_MAX: usize = 384;

/// A set of countries: one bit for each number in the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::marking) struct CountrySet([u64; COUNTRIES_MAX / 64]);

impl CountrySet {
    /// The empty set.
    pub const EMPTY: Self = Self([0; COUNTRIES_MAX / 64]);

    /// Adds the country with this number; below [`COUNTRIES_MAX`].
    pub fn insert(&mut self, number: u16) {
        self.0[usize::from(number) / 64] |= 1 << (number % 64);
    }

    /// Removes a country.
    pub fn remove(&mut self, number: u16) {
        self.0[usize::from(number) / 64] &= !(1 << (number % 64));
    }

    /// Whether the country is in the set.
    pub fn contains(&self, number: u16) -> bool {
        self.0[usize::from(number) / 64] & (1 << (number % 64)) != 0
    }

    /// Adds every country of `other`.
    pub fn union_with(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }

    /// Removes every country of `other`.
    pub fn subtract(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine &= !theirs;
        }
    }

    /// Removes every country that is not in `other`.
    pub fn intersect_with(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine &= theirs;
        }
    }

    /// Whether every country of the set is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).all(|(mine, theirs)| mine & !theirs == 0)
    }

    /// The numbers of the countries, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        (0..COUNTRIES_MAX as u16).filter(|n| self.contains(*n))
    }
}
