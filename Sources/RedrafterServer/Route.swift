#if Server
    import HTTPTypes
    import RedrafterCore

    /// What can be asked for.
    enum Route: String, CaseIterable {
        case page = "/"
        case health = "/health"
        case models = "/v1/models"
        /// With the model's name behind it.
        case model = "/v1/models/"
        case chat = "/v1/chat/completions"
        case completion = "/v1/completions"
        case tokenize = "/tokenize"
        case detokenize = "/detokenize"
        case metrics = "/metrics"

        /// The route of an address. Addresses are compared as they come: nothing is decoded or shortened.
        init?(address: String) {
            let path = address.prefix { $0 != "?" }
            if path.hasPrefix(Self.model.rawValue) {
                self = .model
            } else {
                self.init(rawValue: String(path))
            }
        }

        var method: HTTPRequest.Method {
            switch self {
            case .page, .health, .models, .model, .metrics: .get
            case .chat, .completion, .tokenize, .detokenize: .post
            }
        }

        func allows(_ other: HTTPRequest.Method) -> Bool {
            other == method || other == .options || (other == .head && method == .get)
        }

        var allowed: String { method == .get ? "GET, HEAD, OPTIONS" : "POST, OPTIONS" }

        /// An address for the log: escaped, cut, and without what may be a key.
        static func shown(_ address: String) -> String { TerminalText.escaped(address.prefix { $0 != "?" }) }

        /// The page and the health tell nothing; an address that leads nowhere does not tell that without a key.
        static func needsKey(_ address: String) -> Bool {
            switch Route(address: address) {
            case .page, .health: false
            default: true
            }
        }
    }
#endif
