//! Names of models that several columns tell.

use super::join::Model;

/// Names of several parts are shortened by those that all models share.
pub(super) fn name_by_parts(models: &mut [Model]) {
    let Some(columns) = models.first().map(|model| model.parts.len()).filter(|&columns| columns > 1) else {
        return;
    };
    if models.len() < 2 || models.iter().any(|model| model.parts.len() != columns) {
        return;
    }
    let differs: Vec<bool> =
        (0..columns).map(|column| models.iter().any(|model| model.parts[column] != models[0].parts[column])).collect();
    let short: Vec<String> = models
        .iter()
        .map(|model| {
            let kept = model.parts.iter().zip(&differs).enumerate();
            // The first part is the name proper.
            name_of_parts(kept.filter(|(index, (_, differs))| **differs || *index == 0).map(|(_, (part, _))| part))
        })
        .collect();
    let distinct = short.iter().collect::<std::collections::HashSet<_>>().len() == short.len();
    if distinct {
        for (model, name) in models.iter_mut().zip(short) {
            model.name = name;
        }
    }
}

/// The name of a model that several columns tell: `pythia-160m step=1000`.
pub(in super::super) fn name_of_parts<'a>(parts: impl Iterator<Item = &'a (String, String)>) -> String {
    let mut name = String::new();
    for (column, value) in parts {
        let bare = value.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
        let part = if bare && !name.is_empty() { format!("{column}={value}") } else { value.clone() };
        name.push_str(if name.is_empty() { "" } else { " " });
        name.push_str(&part);
    }
    name
}
