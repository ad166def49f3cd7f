//! Why policy cannot be loaded, or cannot be asked.

/// Why policy cannot be loaded, or cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// The schema cannot be parsed.
    #[error("invalid policy schema: {0}")]
    Schema(String),
    /// The rules cannot be parsed.
    #[error("invalid policy rules: {0}")]
    Rules(String),
    /// The rules fail validation against the schema, or can never apply.
    #[error("policy rules do not match the schema: {0}")]
    Validation(String),
    /// A rule that lacks an annotation or has one of the wrong form.
    #[error("policy rule `{rule}` {problem}")]
    Annotation {
        /// The rule's id, or its place if it has none.
        rule: String,
        /// What is wrong and what is expected.
        problem: String,
    },
    /// A mandatory rule is missing.
    #[error("policy lacks the mandatory rule `{0}`: restore it from the shipped rules")]
    Missing(&'static str),
    /// The facts of a question do not match the schema.
    #[error("policy question does not match the schema: {0}")]
    Question(String),
    /// A rule could not be evaluated. Cedar skips such a rule, a forbidding one included, so the answer is void.
    #[error("policy rule `{rule}` could not be evaluated: {problem}")]
    Evaluation {
        /// The rule's id.
        rule: String,
        /// What went wrong.
        problem: String,
    },
}
