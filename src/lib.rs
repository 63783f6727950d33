//! servanda
