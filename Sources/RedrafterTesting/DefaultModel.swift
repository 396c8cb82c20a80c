import RedrafterPlatform

/// The default model's file in the user's cache, for tests with the real thing.
public enum DefaultModel {
    public static let fileName = "SmolLM2-135M-Instruct.Q4_1.gguf"

    /// What a test says when it is skipped.
    public static let howToGet = "the default model is not in the cache; `make test` fetches it"

    /// In `CacheDirectory`.
    public static var path: String { (CacheDirectory.path ?? "/.cache/redrafter") + "/" + fileName }

    public static var isAvailable: Bool { access(path, R_OK) == 0 }
}
