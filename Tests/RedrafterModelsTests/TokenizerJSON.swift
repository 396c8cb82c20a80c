import RedrafterFormats
import RedrafterModels

/// A `tokenizer.json` with a knob for every part, each the JSON text of that part.
struct TokenizerJSON: Sendable {
    var vocabulary = #"{"a":0,"b":1,"ab":2,"Ġ":3,"Ġa":4}"#
    var merges = #"["a b","Ġ a"]"#
    var added = #"[{"id":5,"content":"<s>","special":true,"normalized":false}]"#
    /// Further members of the model, each followed by a comma.
    var model = ""
    var type = #""BPE""#
    var normalizer = "null"
    var preTokenizer = #"{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}"#
    var postProcessor = "null"
    var decoder = #"{"type":"ByteLevel"}"#

    /// SentencePiece BPE with byte fallback in the form of Llama 2.
    static let sentencePiece: TokenizerJSON = {
        var json = TokenizerJSON()
        json.vocabulary = #"{"<unk>":0,"<0x41>":1,"▁":2,"a":3,"▁a":4}"#
        json.merges = #"[["▁","a"]]"#
        json.added = #"[{"id":0,"content":"<unk>","special":true}]"#
        json.model = #""byte_fallback":true,"unk_token":"<unk>","fuse_unk":true,"#
        json.normalizer =
            #"{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}"#
        json.preTokenizer = "null"
        json.decoder =
            #"{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}"#
        return json
    }()

    var text: String {
        """
        {"version":"1.0","added_tokens":\(added),"normalizer":\(normalizer),"pre_tokenizer":\(preTokenizer),
        "post_processor":\(postProcessor),"decoder":\(decoder),
        "model":{\(model)"type":\(type),"vocab":\(vocabulary),"merges":\(merges)}}
        """
    }

    /// The tokenizer, as from a file of this text.
    func tokenizer(configuration: String? = nil, vocabularySize: Int? = nil) throws -> Tokenizer {
        let settings = try configuration.map {
            try JSONValue(parsing: Array($0.utf8), path: "tokenizer_config.json")
        }
        return Tokenizer(
            try TokenizerDefinition(
                tokenizer: JSONValue(parsing: Array(text.utf8), path: "tokenizer.json"),
                configuration: settings, file: "tokenizer.json", vocabularySize: vocabularySize))
    }
}
