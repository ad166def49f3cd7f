//! The state that reading one text carries from tearline to tearline.

use super::parts::Form;
use crate::marking::Rules;
use crate::product::bounds::Bounds;
use crate::product::fault::Faults;

/// Reads the tearlines of one text, one after another. `attachments` and `tearline` implement its parts.
pub(in crate::product) struct Reader<'a, 'r> {
    /// In the profile of the tearline that is read.
    pub rules: Rules<'r>,
    pub bounds: &'a Bounds,
    pub form: Form,
    pub faults: &'a mut Faults,
}
