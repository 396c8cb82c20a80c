/// The user's cache of models and compiled pipelines.
public enum CacheDirectory {
    /// `REDRAFTER_CACHE`, else `XDG_CACHE_HOME/redrafter`, else `~/.cache/redrafter`; nil where none is set.
    public static var path: String? {
        Environment.variable("REDRAFTER_CACHE")
            ?? Environment.variable("XDG_CACHE_HOME").map { $0 + "/redrafter" }
            ?? Environment.variable("HOME").map { $0 + "/.cache/redrafter" }
    }
}

/// Variables of the process.
public enum Environment {
    /// The value of a variable; nil where it is not set or empty.
    public static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}
