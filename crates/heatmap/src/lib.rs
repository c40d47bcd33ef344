//! Pictures out: normalisation, colour maps, colour bars, superpositions, contact sheets, PNG.
