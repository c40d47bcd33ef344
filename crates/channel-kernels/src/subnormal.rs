//! Subnormal numbers count as zero while a guard lives.
use std::marker::PhantomData;

/// Makes this thread take subnormal numbers for zero, in operands and results, until it is dropped.
///
/// Each task takes one for itself: the mode belongs to a thread, and results must not depend on whose thread it is.
pub(crate) struct FlushSubnormals {
    before: Mode,
    /// The mode is restored on the thread that it was set on.
    thread: PhantomData<*const ()>,
}

impl FlushSubnormals {
    /// Sets the mode.
    pub(crate) fn new() -> Self {
        let before = mode();
        if before & FLUSH != FLUSH {
            set_mode(before | FLUSH);
        }
        Self { before, thread: PhantomData }
    }
}

impl Drop for FlushSubnormals {
    fn drop(&mut self) {
        if self.before & FLUSH != FLUSH {
            set_mode(self.before);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod register {
    use std::arch::asm;

    /// The control register of vector arithmetic.
    pub(super) type Mode = u32;

    /// Flush to zero (results), denormals are zero (operands).
    pub(super) const FLUSH: Mode = 1 << 15 | 1 << 6;

    pub(super) fn mode() -> Mode {
        let mut mode: Mode = 0;
        // SAFETY: the instruction writes the four bytes that it is pointed to; every x86-64 has it.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut mode, options(nostack, preserves_flags)) };
        mode
    }

    pub(super) fn set_mode(mode: Mode) {
        // SAFETY: the instruction reads four bytes. They are what `mode` gave but for the two bits of `FLUSH`, so that
        // no exception is unmasked and no reserved bit is set.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const mode, options(nostack, preserves_flags)) };
    }
}

#[cfg(target_arch = "aarch64")]
mod register {
    use std::arch::asm;

    /// The control register of floating-point arithmetic.
    pub(super) type Mode = u64;

    /// Flush to zero, of operands and results.
    pub(super) const FLUSH: Mode = 1 << 24;

    pub(super) fn mode() -> Mode {
        let mode: Mode;
        // SAFETY: the instruction reads a register that programs may read.
        unsafe { asm!("mrs {}, fpcr", out(reg) mode, options(nomem, nostack, preserves_flags)) };
        mode
    }

    pub(super) fn set_mode(mode: Mode) {
        // SAFETY: the register is what `mode` gave but for the bit of `FLUSH`.
        unsafe { asm!("msr fpcr, {}", in(reg) mode, options(nostack, preserves_flags)) };
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod register {
    /// There is no such mode here: subnormal numbers count as themselves.
    pub(super) type Mode = u32;

    pub(super) const FLUSH: Mode = 0;

    pub(super) fn mode() -> Mode {
        0
    }

    pub(super) fn set_mode(_: Mode) {}
}

use register::{FLUSH, Mode, mode, set_mode};

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use std::hint::black_box;

    use super::FlushSubnormals;

    const SUBNORMAL: f32 = 1e-39;

    #[test]
    fn operands_and_results_are_flushed_while_the_guard_lives() {
        let half = || black_box(f32::MIN_POSITIVE) * black_box(0.5);
        let doubled = || black_box(SUBNORMAL) * black_box(2f32.powi(20));
        assert!(half() != 0.0 && doubled() != 0.0);
        {
            let _guard = FlushSubnormals::new();
            let _inner = FlushSubnormals::new();
            assert_eq!([half().to_bits(), doubled().to_bits()], [0, 0]);
        }
        assert!(half() != 0.0 && doubled() != 0.0);
    }
}
