//! Memory that Rust holds on behalf of JavaScript objects, as the garbage collector sees it.

use napi::Env;

/// Adds `bytes` to what the garbage collector knows of; the same number is to be given back by [`release`].
pub(crate) fn claim(env: &Env, bytes: usize) -> napi::Result<i64> {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    env.adjust_external_memory(bytes)?;
    Ok(bytes)
}

/// Takes off what [`claim`] added.
pub(crate) fn release(env: &Env, bytes: i64) -> napi::Result<()> {
    if bytes > 0 {
        env.adjust_external_memory(-bytes)?;
    }
    Ok(())
}
