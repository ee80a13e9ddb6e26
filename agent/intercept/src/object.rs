//! The probes' object that is compiled into the agent, and the look at it before it is loaded.

use object::{Architecture, Object as _, ObjectSection as _, ObjectSymbol as _};

use crate::InterceptError;

static EMBEDDED: &[u8] = aya::include_bytes_aligned!("../probes.o");

/// The embedded object, if it is one and belongs to this agent.
pub fn embedded() -> Result<&'static [u8], InterceptError> {
    checked(EMBEDDED)
}

fn checked(bytes: &[u8]) -> Result<&[u8], InterceptError> {
    let refused = |reason: &str| InterceptError::NoObject {
        reason: reason.to_owned(),
    };
    if bytes.is_empty() {
        return Err(refused("the embedded file is empty"));
    }
    let file = object::File::parse(bytes).map_err(|_| refused("the embedded file is no ELF"))?;
    if file.architecture() != Architecture::Bpf {
        return Err(refused("the embedded file is for another machine"));
    }
    let found = version(&file).ok_or_else(|| refused("the embedded file has no version"))?;
    if found != abi::ABI_VERSION {
        return Err(InterceptError::ForeignObject {
            found,
            expected: abi::ABI_VERSION,
        });
    }
    Ok(bytes)
}

fn version(file: &object::File<'_>) -> Option<u32> {
    let symbol = file.symbol_by_name(abi::ABI_SYMBOL)?;
    let section = file.section_by_index(symbol.section_index()?).ok()?;
    let bytes = section.data_range(symbol.address(), 4).ok()??;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_object_belongs_to_these_sources() {
        embedded().unwrap();
    }

    #[test]
    fn an_empty_object_is_refused_in_words() {
        let error = checked(&[]).unwrap_err().to_string();
        assert!(error.contains("empty"), "{error}");
        assert!(error.contains("cargo xtask ebpf"), "{error}");
    }

    #[test]
    fn an_object_of_another_machine_is_refused() {
        let own = std::fs::read("/proc/self/exe").unwrap();
        let error = checked(&own).unwrap_err().to_string();
        assert!(error.contains("another machine"), "{error}");
    }

    #[test]
    fn an_object_of_another_version_is_refused() {
        let file = object::File::parse(EMBEDDED).unwrap();
        let symbol = file.symbol_by_name(abi::ABI_SYMBOL).unwrap();
        let section = file
            .section_by_index(symbol.section_index().unwrap())
            .unwrap();
        let at = (section.file_range().unwrap().0 + symbol.address()) as usize;
        let mut other = EMBEDDED.to_vec();
        other[at..at + 4].copy_from_slice(&9_u32.to_le_bytes());
        assert!(matches!(
            checked(&other),
            Err(InterceptError::ForeignObject { found: 9, .. })
        ));
    }
}
