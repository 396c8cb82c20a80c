import RedrafterPlatform

/// The default model's file in the user's cache, for tests with the real thing.
public enum DefaultModel {
    public static let fileName = "SmolLM2-135M-Instruct.Q4_1.gguf"

    /// What a test says when it is skipped.
    public static let howToGet = "the default model is not in the cache; `make test` fetches it"

    /// `REDRAFTER_CACHE`, else `XDG_CACHE_HOME/redrafter`, else `~/.cache/redrafter`.
    public static var path: String { directory + "/" + fileName }

    public static var isAvailable: Bool { access(path, R_OK) == 0 }

    private static var directory: String {
        func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        }
        if let cache = variable("REDRAFTER_CACHE") { return cache }
        if let base = variable("XDG_CACHE_HOME") { return base + "/redrafter" }
        return (variable("HOME") ?? "") + "/.cache/redrafter"
    }
}
