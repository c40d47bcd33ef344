//! Is a heatmap right? Measures over every explainable classifier.
