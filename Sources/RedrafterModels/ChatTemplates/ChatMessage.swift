/// One turn of a conversation.
public struct ChatMessage: Sendable, Hashable {
    /// Who speaks.
    public enum Role: String, Sendable {
        case system
        case user
        case assistant
    }

    /// Who speaks.
    public var role: Role
    /// What is said; plain text.
    public var content: String

    /// A turn.
    public init(role: Role, content: String) {
        self.role = role
        self.content = content
    }
}

/// A piece of a rendered prompt. Control text holds the format's special tokens; content is plain text, in which a
/// special token's spelling means nothing.
public enum PromptSegment: Sendable, Hashable {
    case control(String)
    case content(String)

    /// The text of either.
    public var text: String {
        switch self {
        case .control(let text), .content(let text): text
        }
    }
}
