//! The polygons-versus-circles data.
