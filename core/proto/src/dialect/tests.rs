//! Claims about dialects.
