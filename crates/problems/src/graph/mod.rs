//! The graph reasoning task of Appendix C: layered DAGs in which a path is to be found.

mod export;
mod features;
mod hashed;
mod layered_dag;
mod measures;
mod options;
mod run;
mod task;
#[cfg(test)]
mod tests;

pub use export::{GraphExportOptions, GraphRecord, GraphResponse, GraphSet};
pub use layered_dag::Graph;
pub use measures::{ClassMeasures, GraphMeasureOptions, GraphMeasures};
pub use options::{GraphConjunctions, GraphFeatureOptions, GraphFigure, GraphOptions};
pub use run::{GraphCheckpoint, GraphRun, GraphRunOptions, GraphStage, graph_runs};
pub use task::GraphTask;
