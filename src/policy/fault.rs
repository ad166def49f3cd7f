//! Why policy cannot be loaded, or cannot be asked.

/// Why policy cannot be loaded, or cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// The schema does not read.
    #[error("policy schema does not read: {0}")]
    Schema(String),
    /// The rules do not read.
    #[error("policy rules do not read: {0}")]
    Rules(String),
    /// The rules read, but mean something the schema does not allow, or can never apply.
    #[error("policy rules do not fit their schema: {0}")]
    Validation(String),
    /// A rule that lacks an annotation or has one of the wrong form.
    #[error("policy rule `{rule}` {problem}")]
    Annotation {
        /// The rule's id, or its place if it has none.
        rule: String,
        /// What is wrong and what is expected.
        problem: String,
    },
    /// A rule that every policy must have is not there.
    #[error("policy lacks the rule `{0}`, which no policy may go without: restore it from the shipped rules")]
    Missing(&'static str),
    /// The facts of a question do not fit the schema.
    #[error("policy question does not fit the schema: {0}")]
    Question(String),
    /// A rule could not be worked out. Cedar skips such a rule, a forbidding one included, so the answer is void.
    #[error("policy rule `{rule}` could not be worked out: {problem}")]
    Evaluation {
        /// The rule's id.
        rule: String,
        /// What went wrong.
        problem: String,
    },
}
