//! Where objects go: a URL and what its store has to be told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, Checksum};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreScheme, RetryConfig};
use serde::Deserialize;
use url::Url;

use crate::ShipError;

/// `[audit.ship]`: where the evidence is copied to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix` or `file:///directory`.
    pub to: String,
    /// What the store is told beside that, by the names that the `object_store` crate gives to its configuration:
    /// `aws_endpoint`, `aws_region`, `google_service_account`, ... They win over the environment, where credentials
    /// belong (`AWS_ACCESS_KEY_ID`, ...).
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Seconds between two looks at what there is to send.
    #[serde(default = "every")]
    pub every_seconds: u64,
}

fn every() -> u64 {
    10
}

/// A store, and the place in it.
#[derive(Clone, Debug)]
pub struct Destination {
    pub(crate) url: String,
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) prefix: Path,
}

/// Who ships tries again by itself; a request that hangs longer only hides that the store is away.
const RETRIES: usize = 2;
const PATIENCE: Duration = Duration::from_secs(20);

impl Destination {
    /// Looks at what is written ([`Written`]) and at the environment. Connects to nothing.
    pub fn open(to: &str, options: &BTreeMap<String, String>) -> Result<Self, ShipError> {
        let wrong = |what: String| ShipError::Destination {
            url: to.to_owned(),
            what,
        };
        let url = Url::parse(to).map_err(|error| wrong(error.to_string()))?;
        let (scheme, prefix) =
            ObjectStoreScheme::parse(&url).map_err(|error| wrong(error.to_string()))?;
        let store = store(&scheme, &url, options).map_err(wrong)?;
        Ok(Self {
            url: to.to_owned(),
            store,
            prefix,
        })
    }

    /// The place, as it is written.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The full name of an object.
    pub(crate) fn path(&self, name: &str) -> Path {
        name.split('/')
            .fold(self.prefix.clone(), |path, part| path.join(part))
    }

    /// An error of the store about this object.
    pub(crate) fn fault(
        &self,
        action: &'static str,
        name: &str,
    ) -> impl FnOnce(object_store::Error) -> ShipError {
        let (url, name) = (self.url.clone(), name.to_owned());
        move |source| ShipError::Store {
            url,
            action,
            name,
            source: Box::new(source),
        }
    }
}

/// The store of a builder, whose kinds have no trait in common. A name that it does not know is an error, where the library
/// would leave it out.
macro_rules! built {
    ($builder:expr, $url:expr, $options:expr) => {{
        let mut builder = $builder.with_url($url.as_str()).with_retry(patience());
        for (name, value) in $options {
            let key = name.parse();
            let key = key.map_err(|_| format!("this kind of store has no option {name:?}"))?;
            builder = builder.with_config(key, value);
        }
        let store = builder.build().map_err(|error| error.to_string())?;
        Ok(Arc::new(store))
    }};
}

fn store(
    scheme: &ObjectStoreScheme,
    url: &Url,
    options: &BTreeMap<String, String>,
) -> Result<Arc<dyn ObjectStore>, String> {
    use_ring();
    match scheme {
        ObjectStoreScheme::Local => match options.keys().next() {
            None => Ok(Arc::new(LocalFileSystem::new().with_fsync(true))),
            Some(option) => Err(format!("a directory has no option {option:?}")),
        },
        // The store then computes the sum of what it got, and refuses what is not what was sent.
        ObjectStoreScheme::AmazonS3 => {
            let builder = AmazonS3Builder::from_env().with_checksum_algorithm(Checksum::SHA256);
            built!(builder, url, options)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            built!(GoogleCloudStorageBuilder::from_env(), url, options)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            built!(MicrosoftAzureBuilder::from_env(), url, options)
        }
        _ => Err("write s3://, gs://, az:// or file://".to_owned()),
    }
}

fn patience() -> RetryConfig {
    RetryConfig {
        max_retries: RETRIES,
        retry_timeout: PATIENCE,
        ..RetryConfig::default()
    }
}

/// The HTTP client takes the process's provider of cryptography. That there is one already is no error.
fn use_ring() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> Result<Destination, String> {
        let written: Written = toml::from_str(text).map_err(|error| error.to_string())?;
        Destination::open(&written.to, &written.options).map_err(|error| error.to_string())
    }

    #[test]
    fn what_cannot_be_a_place_is_told() {
        for (text, said) in [
            ("to = \"audit\"", "relative URL without a base"),
            ("to = \"ftp://host/audit\"", "Unable to recognise URL"),
            (
                "to = \"https://host/audit\"",
                "write s3://, gs://, az:// or file://",
            ),
            (
                "to = \"s3://audit\"\noptions = { aws_region = \"x\", regoin = \"y\" }",
                "no option \"regoin\"",
            ),
            (
                "to = \"file:///audit\"\noptions = { aws_region = \"x\" }",
                "a directory has no option \"aws_region\"",
            ),
        ] {
            let error = open(text).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn names_are_below_the_prefix() {
        let destination = open("to = \"s3://audit/weir/prod\"\noptions = { aws_region = \"x\" }");
        let path = destination.unwrap().path("v1/host=db/a.parquet");
        assert_eq!(path.as_ref(), "weir/prod/v1/host=db/a.parquet");
    }
}
