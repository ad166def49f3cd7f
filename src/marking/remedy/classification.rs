//! Reads the classification of a refused text leniently.

use super::RemedyKind;
use super::country_names::country;
use super::lenient::{LenientReader, Owner};
use super::lexicon::Meaning;
use crate::marking::model::Level;
use crate::marking::spelling::edit_distance;

impl LenientReader<'_> {
    /// Reads the level and whose mark it is from the first words; none where no level is among them.
    pub(super) fn classification(&mut self) -> Option<()> {
        while let Some((Meaning::Noise(text), width)) = self.phrase() {
            self.draft.note(RemedyKind::Rewrite, text);
            self.at += width;
        }
        if let Some((meaning, width)) = self.phrase() {
            match meaning {
                Meaning::NatoLevel(level) => {
                    self.at += width;
                    self.own(Owner::Nato, level);
                    return Some(());
                }
                Meaning::RetiredNato(level, text) => {
                    self.at += width;
                    self.draft.note(RemedyKind::Legacy, text);
                    self.own(Owner::Nato, level);
                    return Some(());
                }
                Meaning::NatoWith(level, control) => {
                    self.at += width;
                    self.draft.controls.insert(control);
                    self.own(Owner::Nato, level);
                    return Some(());
                }
                Meaning::Joint => {
                    self.at += width;
                    let level = self.level()?;
                    let owners = self.codes(true);
                    self.own(Owner::Joint(owners), level);
                    return Some(());
                }
                Meaning::Fgi => {
                    self.at += width;
                    let level = self.level()?;
                    self.own(Owner::Concealed, level);
                    return Some(());
                }
                _ => {}
            }
        }
        if let Some(level) = self.level() {
            self.draft.level = Some(level);
            return Some(());
        }
        // Owners and a level, with or without the `//` before them.
        country(self.ask.rules.register, &self.words[self.at..])?;
        let owners = self.codes_from(true, self.at);
        let level = self.level()?;
        self.own(Owner::Foreign(owners), level);
        Some(())
    }

    fn own(&mut self, owner: Owner, level: Level) {
        self.draft.owner = owner;
        self.draft.level = Some(level);
    }

    /// The level at the present word, in either form.
    pub(super) fn level(&mut self) -> Option<Level> {
        if let Some((Meaning::Level(level), width)) = self.phrase() {
            self.at += width;
            return Some(level);
        }
        let word = self.words.get(self.at)?;
        let level = match Level::from_abbreviation(&word.text) {
            Some(level) => level,
            None => {
                // A slip in the word itself.
                let near = Level::ALL.into_iter().filter(|level| {
                    edit_distance(level.title(), &word.text) <= 2 && !word.text.contains(level.title())
                });
                let level = near.clone().next().filter(|_| word.text.len() > 4 && near.count() == 1)?;
                let text = format!("`{}` is not a level; did you mean `{}`?", word.text, level.title());
                self.draft.note(RemedyKind::Rewrite, text);
                level
            }
        };
        self.at += 1;
        Some(level)
    }
}
