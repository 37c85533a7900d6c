//! How large a task is.

/// CPU and memory of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// In units of which 1024 are one vCPU.
    pub cpu: u32,
    /// In MB.
    pub memory_mb: u32,
}

/// What Fargate offers: CPU units, and memory from, to and in steps of so many MB (AWS, "Task CPU and memory").
const FARGATE: [(u32, u32, u32, u32); 7] = [
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16_384, 1024),
    (4096, 8192, 30_720, 1024),
    (8192, 16_384, 61_440, 4096),
    (16_384, 32_768, 122_880, 8192),
];

impl Size {
    /// This size with enough memory for a trial that ran out of `ran_out_of_mb`.
    pub(super) fn after(self, ran_out_of_mb: Option<u32>) -> Self {
        let wanted = ran_out_of_mb.map_or(0, |memory| memory.saturating_mul(2));
        Self { memory_mb: self.memory_mb.max(wanted), ..self }
    }

    /// The smallest size of Fargate that has as much of both, or its largest.
    pub(super) fn on_fargate(self) -> Self {
        FARGATE
            .iter()
            .filter(|(cpu, _, most, _)| *cpu >= self.cpu && *most >= self.memory_mb)
            .map(|(cpu, least, most, step)| {
                let memory_mb =
                    if *cpu == 256 && self.memory_mb > 1024 { 2048 } else { self.memory_mb.next_multiple_of(*step) };
                Self { cpu: *cpu, memory_mb: memory_mb.clamp(*least, *most) }
            })
            .next()
            .unwrap_or(Self { cpu: 16_384, memory_mb: 122_880 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(cpu: u32, memory_mb: u32) -> Size {
        Size { cpu, memory_mb }
    }

    #[test]
    fn fargate_has_some_sizes_only() {
        for (asked, given) in [
            (size(512, 1024), size(512, 1024)),
            (size(128, 512), size(256, 512)),
            (size(256, 1100), size(256, 2048)),
            (size(512, 4097), size(1024, 5120)),
            (size(512, 20_000), size(4096, 20_480)),
            (size(16_384, 1), size(16_384, 32_768)),
            (size(16_384, 900_000), size(16_384, 122_880)),
        ] {
            assert_eq!(asked.on_fargate(), given, "{asked:?}");
        }
    }

    #[test]
    fn what_ran_out_of_memory_gets_twice_as_much() {
        assert_eq!(size(512, 1024).after(None), size(512, 1024));
        assert_eq!(size(512, 1024).after(Some(1024)), size(512, 2048));
        assert_eq!(size(512, 1024).after(Some(4096)).on_fargate(), size(1024, 8192));
    }
}
