//! Tests that need several parts: golden vectors, finite differences, inequalities between measures.

mod golden;
