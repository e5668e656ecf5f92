//! Recognise disk images.
