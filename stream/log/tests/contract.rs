//! The reference host keeps the contract.

use stream_log::Topics;
use stream_log::contract::{HostFactory, check};
use stream_log::driver::{Memory, MemoryHost};

struct InMemory(Memory);

impl HostFactory for InMemory {
    type Host = MemoryHost;
    type Appender = Memory;
    type Reader = Memory;

    fn create(&mut self, partitions: u32, topics: Topics) {
        self.0 = Memory::new(partitions, topics);
    }

    fn open(&mut self) -> MemoryHost {
        self.0.open()
    }

    fn appender(&mut self) -> Memory {
        self.0.clone()
    }

    fn reader(&mut self) -> Memory {
        self.0.clone()
    }
}

#[test]
fn memory_keeps_the_contract() {
    check(&mut InMemory(Memory::new(1, &[])));
}
