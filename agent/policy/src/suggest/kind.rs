//! What a column may hold, by which words it is called, and how it would be classified.

/// A class to suggest.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
}

const CONTACT: Class = Class {
    name: "contact",
    description: "Reaches a person.",
};
const PII: Class = Class {
    name: "pii",
    description: "Says who a person is.",
};
const PAYMENT: Class = Class {
    name: "payment",
    description: "Opens or names a person's account.",
};
const SECRET: Class = Class {
    name: "secret",
    description: "Opens something; nobody reads it from a session.",
};
const NETWORK: Class = Class {
    name: "network",
    description: "Says from where somebody came.",
};

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    PrivateKey,
    WebToken,
    AccessKey,
    Email,
    Iban,
    Card,
    NationalId,
    Ip,
    Phone,
    Secret,
    Birth,
    Name,
    Address,
}

/// One kind of content.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) what: What,
    pub(super) class: Class,
    /// As TOML.
    pub(super) mask: &'static str,
    /// Words of a name, whole: `work_mail` and `workMail` have `mail`. Several words stand behind each other.
    pub(super) words: &'static [&'static str],
    /// Letters of a name, wherever they stand.
    pub(super) parts: &'static [&'static str],
}

/// In the order in which they are tried: `email_address` is an e-mail, and no address.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        what: What::PrivateKey,
        class: SECRET,
        mask: "\"null\"",
        words: &["private key"],
        parts: &["privatekey", "privkey"],
    },
    Kind {
        what: What::WebToken,
        class: SECRET,
        mask: "\"null\"",
        words: &["jwt"],
        parts: &[],
    },
    Kind {
        what: What::AccessKey,
        class: SECRET,
        mask: "\"null\"",
        words: &["api key", "access key", "secret key"],
        parts: &["apikey", "accesskey"],
    },
    Kind {
        what: What::Email,
        class: CONTACT,
        mask: "\"email\"",
        words: &["mail", "correo", "courriel", "epost"],
        parts: &["email"],
    },
    Kind {
        what: What::Iban,
        class: PAYMENT,
        mask: "{ partial = { prefix = 0, pad = \"***\", suffix = 4 } }",
        words: &[
            "iban",
            "konto",
            "bank account",
            "account number",
            "account no",
            "sort code",
            "routing number",
        ],
        parts: &["kontonummer", "kontonr", "bankaccount"],
    },
    Kind {
        what: What::Card,
        class: PAYMENT,
        mask: "{ partial = { prefix = 0, pad = \"***\", suffix = 4 } }",
        words: &[
            "card number",
            "card no",
            "credit card",
            "debit card",
            "cc number",
            "pan",
            "cvv",
            "cvc",
            "tarjeta",
        ],
        parts: &["creditcard", "cardnumber", "kreditkarte", "kartennummer"],
    },
    Kind {
        what: What::NationalId,
        class: PII,
        mask: "\"redact\"",
        words: &[
            "ssn",
            "social security",
            "nino",
            "svnr",
            "sin",
            "tax id",
            "tax number",
            "tin",
            "cpf",
            "dni",
            "nif",
            "nie",
            "bsn",
            "pesel",
            "passport",
            "reisepass",
            "ausweis",
            "national id",
            "id card",
            "driver license",
            "licence number",
            "codice fiscale",
        ],
        parts: &[
            "sozialversicherung",
            "steuernummer",
            "codicefiscale",
            "personnummer",
            "socialsecurity",
            "passportn",
        ],
    },
    Kind {
        what: What::Ip,
        class: NETWORK,
        mask: "\"redact\"",
        words: &["ip", "ip address", "ip addr", "ipv4", "ipv6", "remote addr"],
        parts: &["ipaddress"],
    },
    Kind {
        what: What::Phone,
        class: CONTACT,
        mask: "{ partial = { prefix = 0, pad = \"***\", suffix = 2 } }",
        words: &[
            "phone", "tel", "telefon", "telefono", "mobile", "handy", "fax", "celular", "movil",
            "msisdn",
        ],
        parts: &["telephone", "phonenumber", "telefonnummer", "mobilnummer"],
    },
    Kind {
        what: What::Secret,
        class: SECRET,
        mask: "\"null\"",
        words: &[
            "pwd",
            "pass",
            "secret",
            "token",
            "salt",
            "otp",
            "pin",
            "credential",
            "credentials",
            "mot de passe",
            "senha",
        ],
        parts: &[
            "password",
            "passwd",
            "passphrase",
            "passwort",
            "kennwort",
            "contrasena",
        ],
    },
    Kind {
        what: What::Birth,
        class: PII,
        mask: "\"redact\"",
        words: &["birth", "dob", "born", "naissance", "nacimiento", "nascita"],
        parts: &["birthda", "geburt", "dateofbirth"],
    },
    Kind {
        what: What::Name,
        class: PII,
        mask: "\"redact\"",
        words: &[
            "first name",
            "last name",
            "full name",
            "maiden name",
            "surname",
            "prenom",
            "apellido",
            "apellidos",
            "cognome",
        ],
        parts: &["firstname", "lastname", "fullname", "vorname", "nachname"],
    },
    Kind {
        what: What::Address,
        class: PII,
        mask: "\"redact\"",
        words: &[
            "address",
            "addr",
            "street",
            "zip",
            "zip code",
            "postcode",
            "postal code",
            "plz",
            "adresse",
            "strasse",
            "hausnummer",
            "direccion",
            "indirizzo",
            "endereco",
            "rue",
        ],
        parts: &["homeaddress", "streetaddress", "postleitzahl"],
    },
];
