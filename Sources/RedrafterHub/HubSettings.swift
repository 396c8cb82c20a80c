import RedrafterFormats
import RedrafterPlatform

/// Where models come from and where they are kept, as Hugging Face's own programs understand it.
public struct HubSettings: Sendable {
    /// The hub's address, without a slash at the end.
    public var endpoint = "https://huggingface.co"
    /// The folder with `models--ORG--NAME`; nil where the environment has no home.
    public var cacheDirectory: String?
    /// Sent to the endpoint, and to no other host.
    public var token: String?
    /// Whether only the cache may be used.
    public var isOffline = false
    /// A file with certificates to trust; nil for the system's.
    public var certificates: String?
    /// How often a request is tried again.
    public var retries = RetryPolicy()
    /// Seconds until a connection must stand.
    public var connectSeconds = 10
    /// Seconds without a byte after which a connection counts as broken.
    public var stallSeconds = 30
    /// Bytes free on the disk of a directory; nil where that is not known.
    public var freeBytes: @Sendable (_ directory: String) -> Int? = { DiskSpace.free($0) }

    public init() {}

    /// Reads `HF_ENDPOINT`, `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`, `HOME`, `HF_TOKEN`,
    /// `HF_TOKEN_PATH` (by default `HF_HOME/token`), `HF_HUB_OFFLINE` and `SSL_CERT_FILE`.
    /// - Parameter variable: the value of a variable; nil where it is not set or empty.
    public init(environment variable: (String) -> String? = Environment.variable) {
        let home = variable("HOME")
        func path(_ text: String) -> String {
            guard let home, text == "~" || text.hasPrefix("~/") else { return text }
            return home + text.dropFirst()
        }
        func isTrue(_ name: String) -> Bool {
            ["1", "on", "yes", "true"].contains(variable(name)?.lowercased() ?? "")
        }
        if let address = variable("HF_ENDPOINT") {
            endpoint = address.hasSuffix("/") ? String(address.dropLast()) : address
        }
        let folder =
            variable("HF_HOME").map(path) ?? variable("XDG_CACHE_HOME").map { path($0) + "/huggingface" }
            ?? home.map { $0 + "/.cache/huggingface" }
        cacheDirectory =
            (variable("HF_HUB_CACHE") ?? variable("HUGGINGFACE_HUB_CACHE")).map(path)
            ?? folder.map { $0 + "/hub" }
        isOffline = isTrue("HF_HUB_OFFLINE") || isTrue("TRANSFORMERS_OFFLINE")
        certificates = (variable("SSL_CERT_FILE") ?? variable("CURL_CA_BUNDLE")).map(path)
        guard !isTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN") else { return }
        let tokenPath = variable("HF_TOKEN_PATH").map(path) ?? folder.map { $0 + "/token" }
        token =
            Self.token(variable("HF_TOKEN") ?? variable("HUGGING_FACE_HUB_TOKEN") ?? "")
            ?? tokenPath.flatMap(Self.token(inFile:))
    }

    /// A token without what surrounds it; nil for what can be none, such as several lines.
    private static func token(_ text: String) -> String? {
        let bytes = text.utf8.drop { $0 <= 0x20 }
        let end = bytes.lastIndex { $0 > 0x20 }.map(bytes.index(after:)) ?? bytes.startIndex
        let token = String(Substring(bytes[..<end]))
        return !token.isEmpty && token.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ? token : nil
    }

    private static func token(inFile path: String) -> String? {
        // Without a token the hub answers as to anybody; most users have no such file.
        do throws(FormatError) {
            let file = try MappedFile(path: path)
            return file.bytes.count <= 65_536 ? token(String(decoding: file.bytes, as: UTF8.self)) : nil
        } catch {
            return nil
        }
    }
}

/// How often and after which pauses a request is tried again.
public struct RetryPolicy: Sendable {
    /// Attempts in a row that may fail without a byte of progress.
    public var attempts = 5
    /// The first pause; each further one is twice as long.
    public var firstPause = Duration.seconds(1)
    public var longestPause = Duration.seconds(20)
    /// A wish for a longer pause than this (`Retry-After`) ends the work.
    public var longestWait = Duration.seconds(120)

    public init() {}

    /// The pause after so many failures in a row.
    func pause(after failures: Int) -> Duration {
        min(longestPause, firstPause * (1 << min(max(failures - 1, 0), 20)))
    }
}

/// Room on a disk.
public enum DiskSpace {
    /// Bytes that a user may still write where a directory is, or would be; nil where the system does not say.
    public static func free(_ directory: String) -> Int? {
        var status = statvfs()
        var place = directory
        while statvfs(place, &status) != 0 {
            guard errno == ENOENT, place != "/", place != "." else { return nil }
            place = FilePath.directory(of: place)
        }
        let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
            by: Int(clamping: status.f_frsize))
        return overflow ? nil : bytes
    }
}

/// What a fetch tells those who wait for it.
public struct HubObserver {
    /// How far it is.
    public var progress: (HubProgress) -> Void = { _ in }
    /// What was chosen and what is waited for, a sentence each.
    public var note: (String) -> Void = { _ in }
    /// What is odd and no error, a sentence each.
    public var warning: (String) -> Void = { _ in }
    /// Asked several times a second; true ends the work with `HubError.cancelled`.
    public var isCancelled: () -> Bool = { false }

    public init() {}
}

/// How far a fetch is.
public struct HubProgress: Sendable, Equatable {
    /// The file being fetched.
    public var file: String
    /// Its number, from 1, and that of all files.
    public var number: Int
    public var files: Int
    /// Bytes that are there, of all files.
    public var bytes: Int
    public var totalBytes: Int
    /// Bytes that came over the network in this run.
    public var receivedBytes: Int
}
