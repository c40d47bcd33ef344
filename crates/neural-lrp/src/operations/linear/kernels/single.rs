//! The words of single precision's kernels.

use channel_kernels::Zero;
use relevance::Amount;

use crate::operation::kernel::{Booked, Quotient, Stream, Take};
use crate::operation::linear::WeightPart;

pub type Part = dyn Fn(&[f32], &mut [f32]) + Sync;

/// How a part of the weights is written; `None` for the weights as they are.
pub fn part_of(part: WeightPart) -> Option<Box<Part>> {
    match part {
        WeightPart::All => None,
        part => Some(Box::new(move |weights: &[f32], parts: &mut [f32]| part.write(weights, parts))),
    }
}

pub fn take_of(take: Take) -> channel_kernels::Take {
    match take {
        Take::All => channel_kernels::Take::All,
        Take::Positive => channel_kernels::Take::Positive,
        Take::Negative => channel_kernels::Take::Negative,
    }
}

pub fn stream_of<'a>(stream: &Stream<'a, f32>, part: &'a Option<Box<Part>>) -> channel_kernels::Stream<'a> {
    channel_kernels::Stream { values: stream.values, take: take_of(stream.take), part: part.as_deref() }
}

pub fn quotient_of<'a>(quotient: &Quotient<'a, f32>) -> channel_kernels::Quotient<'a> {
    channel_kernels::Quotient {
        relevance: quotient.relevance,
        denominator: quotient.denominator,
        bias: quotient.bias,
        factor: quotient.factor,
        epsilon: quotient.epsilon,
        without: None,
        zero: if quotient.of_one_sign { Zero::Denominator } else { Zero::Stabilized },
    }
}

pub fn booked_of(booked: &channel_kernels::Booked) -> Booked {
    let amount =
        |amount: channel_kernels::Amount| Amount { total: amount.total, magnitude: amount.magnitude, non_finite: 0 };
    Booked { bias: amount(booked.bias), stabilizer: amount(booked.stabilizer), zero: amount(booked.zero) }
}

/// Messages of the outputs, taken as they are.
pub fn messages_of<'a>(
    values: &'a [std::borrow::Cow<'_, [f32]>],
    parts: &'a [Option<Box<Part>>],
) -> Vec<channel_kernels::Stream<'a>> {
    let stream = |(values, part): (&'a std::borrow::Cow<'_, [f32]>, &'a Option<Box<Part>>)| channel_kernels::Stream {
        values,
        take: channel_kernels::Take::All,
        part: part.as_deref(),
    };
    values.iter().zip(parts).map(stream).collect()
}

/// Quotients, with the parts of the weights that they go back through.
pub fn quotients_of<'a>(
    quotients: &[Quotient<'a, f32>],
    parts: &'a [Option<Box<Part>>],
) -> Vec<channel_kernels::QuotientStream<'a>> {
    let stream = |(quotient, part): (&Quotient<'a, f32>, &'a Option<Box<Part>>)| channel_kernels::QuotientStream {
        quotient: quotient_of(quotient),
        part: part.as_deref(),
    };
    quotients.iter().zip(parts).map(stream).collect()
}
