//! The choice of an instruction set.
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512};
use crate::simd::{Plain, Simd};

/// An instruction set that this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instructions(Set);

/// The sets by their tokens, each of which exists only where the machine has the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    Plain(Plain),
}

/// A piece of work that is compiled once for each instruction set.
///
/// `run` must be `#[inline(always)]`, and whatever it calls with `simd` as well: only code inlined into
/// [`Simd::vectorize`] is compiled for the set.
pub(crate) trait Vectorized {
    /// What the work gives.
    type Output;

    /// Does the work.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

impl Instructions {
    /// The sets that this machine has, the best first.
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            sets.extend(Avx512::detect().map(|token| Self(Set::Avx512(token))));
            sets.extend(Avx2::detect().map(|token| Self(Set::Avx2(token))));
        }
        sets.push(Self(Set::Plain(Plain)));
        sets
    }

    /// The set that kernels use unless they are told otherwise: the best, or what `PIXELWISE_INSTRUCTIONS` names.
    pub fn current() -> Self {
        static CURRENT: OnceLock<Instructions> = OnceLock::new();
        *CURRENT.get_or_init(|| Self::chosen(std::env::var("PIXELWISE_INSTRUCTIONS").ok().as_deref()))
    }

    /// The named set, or the best where there is no name or the machine has no such set.
    fn chosen(name: Option<&str>) -> Self {
        name.and_then(|name| name.parse().ok()).unwrap_or_else(|| Self::available()[0])
    }

    /// The name by which `PIXELWISE_INSTRUCTIONS` knows the set.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(_) => "avx2",
            Set::Plain(_) => "plain",
        }
    }

    /// Numbers of a vector.
    pub(crate) fn lanes(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(_) => Avx512::LANES,
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(_) => Avx2::LANES,
            Set::Plain(_) => Plain::LANES,
        }
    }

    /// Does `work` by this set.
    #[inline]
    pub(crate) fn run<W: Vectorized>(self, work: W) -> W::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(token) => token.vectorize(work),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(token) => token.vectorize(work),
            Set::Plain(token) => token.vectorize(work),
        }
    }
}

impl fmt::Display for Instructions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that is no instruction set of this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no instruction set of this machine, which has {}", available.join(", "))]
pub struct UnknownInstructions {
    /// The name that was asked for.
    name: String,
    /// The names that there are.
    available: Vec<&'static str>,
}

impl FromStr for Instructions {
    type Err = UnknownInstructions;

    fn from_str(name: &str) -> Result<Self, UnknownInstructions> {
        let available = Self::available();
        available.iter().copied().find(|set| set.name() == name).ok_or_else(|| UnknownInstructions {
            name: name.to_owned(),
            available: available.into_iter().map(Self::name).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_sets() {
        for set in Instructions::available() {
            assert_eq!(set.name().parse(), Ok(set));
            assert_eq!(Instructions::chosen(Some(set.name())), set);
        }
    }

    #[test]
    fn unknown_names_leave_the_best() {
        let best = Instructions::available()[0];
        assert_eq!(Instructions::chosen(None), best);
        assert_eq!(Instructions::chosen(Some("mmx")), best);
        let message = "mmx".parse::<Instructions>().unwrap_err().to_string();
        assert!(message.contains("\"mmx\"") && message.contains("plain"), "{message}");
    }
}
