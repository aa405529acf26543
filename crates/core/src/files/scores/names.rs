//! Names that columns of log-probabilities, ids, texts and tokens go by, as `roles::normalise` makes them.

/// Names of ids of responses, best first.
pub(super) const IDS: [&str; 16] = [
    "id",
    "responseid",
    "exampleid",
    "sampleid",
    "itemid",
    "docid",
    "key",
    "uid",
    "customid",
    "sentid",
    "sentenceid",
    "instanceid",
    "nativeid",
    "uuid",
    "guid",
    "hash",
];
/// Numbers of rows: places in a file, not ids of what stands there.
pub(super) const LINES: [&str; 9] = ["idx", "index", "indexlevel0", "", "unnamed:0", "row", "rowid", "line", "lineno"];
/// Ids of prompts and problems: of responses only where there is nothing better.
pub(super) const PROMPTS: [&str; 7] =
    ["promptid", "prompthash", "questionid", "problemid", "taskid", "docid", "groupid"];

/// Ids of reasonings, several of a response.
pub(super) const REASONINGS: [&str; 12] = [
    "reasoningid",
    "reasoningidx",
    "reasoningindex",
    "rationaleid",
    "sampleid",
    "sampleidx",
    "sampleindex",
    "sample",
    "drawid",
    "draw",
    "rolloutid",
    "rollout",
];
/// Texts that are the same for all reasonings of a response: what was asked goes on with the reasoning.
pub(super) const ANSWER_TEXTS: [&str; 4] = ["answer", "target", "answerhash", "targethash"];

/// Sums over the tokens of a response, and so named.
pub(super) const SUMS: [&str; 16] = [
    "sumlogprob",
    "sumlogprobs",
    "logprobsum",
    "logprobssum",
    "totallogprob",
    "totallogprobs",
    "sequencelogprob",
    "seqlogprob",
    "cumulativelogprob",
    "cumlogprob",
    "sumlogits",
    "sumloglikelihood",
    "loglikelihoodsum",
    "sumlogp",
    "sumll",
    "responselogprob",
];
/// Log-probabilities that do not say of what.
pub(super) const PLAIN: [&str; 9] =
    ["logprob", "loglikelihood", "loglik", "logp", "ll", "lp", "logprobability", "loglikelihoods", "logpx"];
/// Means over tokens, which are not what is asked for.
pub(super) const MEANS: [&str; 14] = [
    "meanlogprob",
    "meanlogprobs",
    "avglogprob",
    "avglogprobs",
    "averagelogprob",
    "logprobmean",
    "logprobavg",
    "logprobpertoken",
    "normalizedlogprob",
    "normlogprob",
    "logprobnorm",
    "meanloglikelihood",
    "logitspertoken",
    "lengthnormalizedlogprob",
];
pub(super) const TOKEN_LISTS: [&str; 6] =
    ["tokenlogprobs", "logprobs", "pertokenlogprobs", "tokenlogprob", "tokenslogprobs", "responselogprobs"];

/// Tokens of the response.
pub(super) const RESPONSE_TOKENS: [&str; 8] = [
    "completiontokens",
    "responsetokens",
    "responselength",
    "responselen",
    "completionlength",
    "completionlen",
    "numcompletiontokens",
    "numresponsetokens",
];
/// Tokens of what, the name does not say.
pub(super) const SOME_TOKENS: [&str; 5] = ["tokencount", "ntokens", "numtokens", "tokens", "totaltokens"];
pub(super) const PROMPT_TOKENS: [&str; 6] =
    ["prompttokens", "promptlen", "promptlength", "nprompttokens", "numprompttokens", "responsestart"];

/// Texts, and hashes of texts, that are the same for every model under one id.
pub(super) const TEXTS: [&str; 37] = [
    "prompt",
    "response",
    "text",
    "target",
    "sentence",
    "completion",
    "continuation",
    "context",
    "question",
    "answer",
    "input",
    "contenthash",
    "targethash",
    "responsehash",
    "texthash",
    "prompthash",
    "dochash",
    "doc",
    "messages",
    "conversation",
    "conversations",
    "instruction",
    "query",
    "passage",
    "premise",
    "hypothesis",
    "gold",
    "goldtext",
    "tokenids",
    "inputids",
    "responseids",
    "completionids",
    "prompttokenids",
    "promptids",
    "responsetokenids",
    "completiontokenids",
    "outputtokenids",
];
/// Those of them that are the response.
pub(super) const SCORED_TEXTS: [&str; 8] =
    ["response", "text", "target", "sentence", "completion", "continuation", "answer", "gold"];
/// What may be the response, or what the model wrote instead: the response where no column of [`SCORED_TEXTS`] is there.
pub(super) const GENERATED: [&str; 7] =
    ["output", "outputtext", "generatedtext", "generation", "generatedanswer", "modeloutput", "prediction"];
/// Columns that go with the scores and are no scores themselves.
pub(super) const ALONGSIDE: [&str; 16] = [
    "task",
    "subject",
    "dataset",
    "split",
    "category",
    "language",
    "url",
    "source",
    "finalword",
    "reference",
    "output",
    "domain",
    "topic",
    "lang",
    "title",
    "",
];

/// Logarithms to another base, by name.
pub(super) const OTHER_BASES: [&str; 14] = [
    "log2",
    "log10",
    "log2prob",
    "log10prob",
    "log2probs",
    "log10probs",
    "log2p",
    "log10p",
    "bpb",
    "bpc",
    "bits",
    "bitsperbyte",
    "bitspertoken",
    "bitsperchar",
];
/// What goes with responses and may be negative, and is no log-probability.
pub(super) const OTHER_QUANTITIES: [&str; 7] =
    ["reward", "rewards", "advantage", "advantages", "kl", "entropy", "margin"];

/// Losses by name: their sign is the opposite.
pub(super) const LOSSES: [&str; 9] = [
    "nll",
    "loss",
    "surprisal",
    "negloglikelihood",
    "negativeloglikelihood",
    "neglogprob",
    "crossentropy",
    "sumnll",
    "totalnll",
];
