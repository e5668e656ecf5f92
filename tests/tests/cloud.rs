//! Real pushes into a real Glance.
