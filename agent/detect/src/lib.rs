//! Finds secrets and personal data in text by their form: a second line behind classes, which know what columns are for.
//!
//! One pass of one automaton finds candidates of every kind ([`scan`]), and what can be checked is: check digits, numbers
//! that are given out, forms of countries. What is found is certainly of the form, and may still be something else.
//!
//! Knows neither databases nor masks.

mod form;
mod scan;

pub use scan::{Found, Scanner};

/// A kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Content {
    /// A private key in PEM or PGP armor.
    PrivateKey,
    /// A JSON web token (RFC 7519).
    WebToken,
    /// A key of a cloud's or service's interface.
    AccessKey,
    /// An e-mail address.
    Email,
    /// An international bank account number (ISO 13616).
    Iban,
    /// The number of a payment card (ISO/IEC 7812).
    Card,
    /// A US social security number.
    SocialSecurity,
    /// A phone number with its country (E.164).
    Phone,
}

impl Content {
    /// All of them, in the order in which they are tried.
    pub const ALL: [Self; 8] = [
        Self::PrivateKey,
        Self::WebToken,
        Self::AccessKey,
        Self::Email,
        Self::Iban,
        Self::Card,
        Self::SocialSecurity,
        Self::Phone,
    ];

    /// One word for the evidence.
    pub fn name(self) -> &'static str {
        match self {
            Self::PrivateKey => "private-key",
            Self::WebToken => "web-token",
            Self::AccessKey => "access-key",
            Self::Email => "email",
            Self::Iban => "iban",
            Self::Card => "card",
            Self::SocialSecurity => "social-security",
            Self::Phone => "phone",
        }
    }

    /// Whether this is one, and nothing else.
    pub fn is_whole(self, text: &str) -> bool {
        match self {
            Self::PrivateKey => form::is_private_key(text),
            Self::WebToken => form::is_web_token(text),
            Self::AccessKey => form::is_access_key(text),
            Self::Email => form::is_email(text),
            Self::Iban => form::is_iban(text),
            Self::Card => form::is_card(text),
            Self::SocialSecurity => form::is_social_security(text),
            Self::Phone => form::is_phone(text),
        }
    }
}
