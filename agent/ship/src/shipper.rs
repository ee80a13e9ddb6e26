//! Sends what is not there yet, in order.

use std::path::Path;

use object_store::{ObjectStoreExt as _, PutMode, PutOptions, PutPayload};

use crate::ledger::{Ledger, Line};
use crate::parcel::digest;
use crate::{Destination, Parcel, ShipError};

/// A destination with what is known to be there.
#[derive(Debug)]
pub struct Shipper {
    destination: Destination,
    ledger: Ledger,
}

/// What came of one round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shipped {
    /// Objects that were created.
    pub created: u64,
    /// Objects that were there already, with the same content.
    pub found: u64,
    /// Bytes of those that were created.
    pub bytes: u64,
}

impl Shipper {
    /// Opens the ledger beside the archive.
    pub fn open(destination: Destination, ledger: &Path) -> Result<Self, ShipError> {
        let ledger = Ledger::open(ledger, destination.url())?;
        Ok(Self {
            destination,
            ledger,
        })
    }

    /// Whether the store is known to have this object.
    pub fn has(&self, name: &str) -> bool {
        self.ledger.get(name).is_some()
    }

    /// Sends what is not there yet. Ends with the first that does not get there: what comes behind it must not arrive
    /// before it.
    pub async fn ship(
        &mut self,
        parcels: impl IntoIterator<Item = Parcel>,
    ) -> Result<Shipped, ShipError> {
        let mut shipped = Shipped::default();
        for parcel in parcels {
            if self.has(&parcel.name) {
                continue;
            }
            let content = parcel.content.read().await?;
            let line = Line {
                to: self.destination.url().to_owned(),
                size: content.len() as u64,
                sha256: digest(&content),
                name: parcel.name,
            };
            if self.create(&line, content).await? {
                shipped.created += 1;
                shipped.bytes += line.size;
            } else {
                shipped.found += 1;
            }
            self.ledger.append(line)?;
        }
        Ok(shipped)
    }

    /// Asks the store whether it still has an object as it was sent.
    pub async fn confirm(&self, name: &str) -> Result<bool, ShipError> {
        let Some(line) = self.ledger.get(name) else {
            return Ok(false);
        };
        match self
            .destination
            .store
            .head(&self.destination.path(name))
            .await
        {
            Ok(meta) => Ok(meta.size == line.size),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.destination.fault("tell of", name)(error)),
        }
    }

    /// Creates the object, or finds that it is there.
    async fn create(&self, line: &Line, content: Vec<u8>) -> Result<bool, ShipError> {
        let path = self.destination.path(&line.name);
        let options = PutOptions::from(PutMode::Create);
        let payload = PutPayload::from(content);
        match self
            .destination
            .store
            .put_opts(&path, payload, options)
            .await
        {
            Ok(_) => self.check_created(line).await.map(|()| true),
            // Some stores say it the one way, some the other.
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. },
            ) => self.check_found(line).await.map(|()| false),
            Err(error) => Err(self.destination.fault("take", &line.name)(error)),
        }
    }

    /// What was taken was checked by its sum on the way; this is whether it can be seen.
    async fn check_created(&self, line: &Line) -> Result<(), ShipError> {
        let path = self.destination.path(&line.name);
        let meta = self.destination.store.head(&path).await;
        let meta = meta.map_err(self.destination.fault("show", &line.name))?;
        match meta.size == line.size {
            true => Ok(()),
            false => Err(self.different(line)),
        }
    }

    /// Who sent what is there is not known, so its content is compared.
    async fn check_found(&self, line: &Line) -> Result<(), ShipError> {
        let path = self.destination.path(&line.name);
        let meta = self.destination.store.head(&path).await;
        let meta = meta.map_err(self.destination.fault("show", &line.name))?;
        if meta.size != line.size {
            return Err(self.different(line));
        }
        let found = self.destination.store.get(&path).await;
        let found = found.map_err(self.destination.fault("show", &line.name))?;
        let bytes = found.bytes().await;
        let bytes = bytes.map_err(self.destination.fault("show", &line.name))?;
        match digest(&bytes) == line.sha256 {
            true => Ok(()),
            false => Err(self.different(line)),
        }
    }

    fn different(&self, line: &Line) -> ShipError {
        ShipError::Different {
            url: self.destination.url().to_owned(),
            name: line.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::Content;

    struct Stage {
        directory: TempDir,
    }

    impl Stage {
        fn new() -> Self {
            Self {
                directory: tempfile::tempdir().unwrap(),
            }
        }

        fn shipper(&self) -> Shipper {
            let store = self.directory.path().join("store");
            fs::create_dir_all(&store).unwrap();
            let destination = Destination::open(&format!("file://{}", store.display()), &[].into());
            Shipper::open(destination.unwrap(), &self.ledger()).unwrap()
        }

        fn ledger(&self) -> std::path::PathBuf {
            self.directory.path().join("shipped.jsonl")
        }

        fn object(&self, name: &str) -> std::path::PathBuf {
            self.directory.path().join("store").join(name)
        }
    }

    fn parcel(name: &str, content: &str) -> Parcel {
        Parcel {
            name: name.to_owned(),
            content: Content::Bytes(content.into()),
        }
    }

    fn created(number: u64, bytes: u64) -> Shipped {
        Shipped {
            created: number,
            found: 0,
            bytes,
        }
    }

    #[tokio::test]
    async fn what_the_ledger_names_is_not_sent_again() {
        let stage = Stage::new();
        let parcels = [parcel("v1/a", "one"), parcel("v1/b", "three")];
        let mut shipper = stage.shipper();
        assert_eq!(shipper.ship(parcels.clone()).await.unwrap(), created(2, 8));
        assert_eq!(fs::read_to_string(stage.object("v1/b")).unwrap(), "three");
        assert!(shipper.confirm("v1/a").await.unwrap());
        drop(shipper);
        let mut shipper = stage.shipper();
        assert_eq!(shipper.ship(parcels).await.unwrap(), created(0, 0));
        fs::remove_file(stage.object("v1/a")).unwrap();
        assert!(!shipper.confirm("v1/a").await.unwrap());
    }

    #[tokio::test]
    async fn without_a_ledger_what_is_there_is_compared() {
        let stage = Stage::new();
        let parcels = [parcel("a", "one"), parcel("b", "two")];
        stage.shipper().ship(parcels.clone()).await.unwrap();
        fs::remove_file(stage.ledger()).unwrap();
        let found = Shipped {
            found: 2,
            ..Shipped::default()
        };
        assert_eq!(stage.shipper().ship(parcels.clone()).await.unwrap(), found);
        fs::remove_file(stage.ledger()).unwrap();
        fs::write(stage.object("b"), "tow").unwrap();
        let error = stage.shipper().ship(parcels).await.unwrap_err();
        assert!(
            matches!(&error, ShipError::Different { name, .. } if name == "b"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(stage.object("b")).unwrap(), "tow");
    }

    #[tokio::test]
    async fn nothing_arrives_before_what_stands_in_front_of_it() {
        let stage = Stage::new();
        let missing = Parcel {
            name: "first".to_owned(),
            content: Content::File(stage.directory.path().join("nothing")),
        };
        let error = stage.shipper().ship([missing, parcel("second", "2")]).await;
        assert!(error.is_err());
        assert!(!stage.object("second").exists());
    }

    #[tokio::test]
    async fn a_torn_line_of_the_ledger_is_only_work_done_again() {
        let stage = Stage::new();
        stage.shipper().ship([parcel("a", "one")]).await.unwrap();
        let text = fs::read_to_string(stage.ledger()).unwrap();
        fs::write(stage.ledger(), &text[..text.len() - 5]).unwrap();
        let mut shipper = stage.shipper();
        let shipped = shipper.ship([parcel("a", "one"), parcel("b", "two")]).await;
        assert_eq!((shipped.unwrap().found, shipper.has("b")), (1, true));
        drop(shipper);
        assert_eq!(
            stage.shipper().ship([parcel("a", "one")]).await.unwrap(),
            created(0, 0)
        );
    }
}
