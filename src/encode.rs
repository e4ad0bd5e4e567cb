//! Encodes values one behind another onto one buffer: no memory of its own for each, no copy.

use postcard::{Result, ser_flavors::Flavor};
use serde::Serialize;

/// Appends a value's bytes, the same as postcard gives alone. After an error the buffer may end
/// with a part of them.
pub fn encode_onto(buffer: &mut Vec<u8>, value: &impl Serialize) -> Result<()> {
    postcard::serialize_with_flavor(value, Onto(buffer))
}

struct Onto<'a>(&'a mut Vec<u8>);

impl Flavor for Onto<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> Result<()> {
        Ok(())
    }
}
