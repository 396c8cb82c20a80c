import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting
import Testing

@testable import RedrafterHub

@Suite("Names of models, files and addresses") struct HubNameTests {
    @Test("A name has a repository, a selection and a revision") func references() throws {
        func expect(
            _ text: String, _ repository: String, _ selection: HubReference.Selection,
            _ revision: String = "main"
        ) throws {
            let reference = try HubReference(text)
            #expect(
                reference.repository == repository && reference.selection == selection
                    && reference.revision == revision, "\(text)")
            #expect(try HubReference(reference.description) == reference)
        }
        try expect("org/name", "org/name", .any)
        try expect("hf:org/name", "org/name", .any)
        try expect("gpt2", "gpt2", .any)
        try expect("https://huggingface.co/org/name/", "org/name", .any)
        try expect("org/Name-1.5B_x:Q4_K_M", "org/Name-1.5B_x", .quantization("Q4_K_M"))
        try expect("org/name/sub/file-Q4_0.gguf", "org/name", .file("sub/file-Q4_0.gguf"))
        try expect("org/name@v1.0", "org/name", .any, "v1.0")
        try expect("org/name:q8_0@refs/pr/3", "org/name", .quantization("q8_0"), "refs/pr/3")
    }

    @Test(
        "What is none is refused with the form that is expected",
        arguments: [
            "", "hf:", "org/", "/name", "a/b/../c", "a/b//c", "a b/c", "org/na:me:x", "org/name:",
            "org/name@", "a/b@../x",
            "-a/b", "a/.b", "a--b/c", "a/b..c", "a/b/c.gguf:Q4_0", "a/b\u{0}", "ä/b",
            "https://example.com/a/b",
            String(repeating: "a", count: 97) + "/b",
        ])
    func noReferences(text: String) {
        let error = #expect(throws: HubError.self) { try HubReference(text) }
        #expect(error?.hint?.contains("ORG/NAME:Q4_K_M") == true)
    }

    @Test(
        "Names of files tell their quantisation",
        arguments: [
            ("Qwen2.5-0.5B-Instruct-Q4_K_M.gguf", "Q4_K_M"), ("qwen2.5-0.5b-instruct-q4_k_m.gguf", "Q4_K_M"),
            ("tinyllama.Q5_0.gguf", "Q5_0"), ("ggml-model-f16.gguf", "F16"), ("model_q8_0.gguf", "Q8_0"),
            ("gemma-3-1b-it-BF16.gguf", "BF16"), ("m-IQ2_XXS.gguf", "IQ2_XXS"), ("m-fp16.gguf", "F16"),
            ("gpt-oss-20b-MXFP4.gguf", "MXFP4"), ("BF16/big-BF16-00001-of-00003.gguf", "BF16"),
            ("Q4_K_M/big-00001-of-00003.gguf", "Q4_K_M"), ("m-Q4_0_4_4.gguf", "Q4_0_4_4"), ("m.gguf", nil),
            ("Q-7.gguf", nil), ("Qwen3.gguf", nil), ("Q4X.gguf", nil),
        ] as [(String, String?)])
    func quantizations(name: String, expected: String?) {
        #expect(QuantizationName.find(in: name).quantization == expected)
    }

    private func choose(_ names: [String], _ reference: String = "org/name") throws -> HubChoice {
        let files = names.map { HubFile(path: $0, byteCount: 1, blob: nil) }
        return try HubChoice(
            HubReference(reference),
            among: HubListing(repository: "org/name", commit: HubFixture.commit, files: files))
    }

    @Test("Without a wish the best quantisation that can be computed with is taken") func preference() throws
    {
        for (names, best) in [
            (["a-F16.gguf", "a-Q8_0.gguf", "a-Q4_0.gguf", "a-Q4_K_M.gguf"], "a-Q4_K_M.gguf"),
            (["a-F16.gguf", "a-Q8_0.gguf", "a-Q4_0.gguf"], "a-Q4_0.gguf"),
            (["a-F16.gguf", "a-Q8_0.gguf", "a-IQ4_XS.gguf"], "a-Q8_0.gguf"),
            (["a-UD-Q4_K_M.gguf", "a-Q4_K_M.gguf"], "a-Q4_K_M.gguf"),
            (["a.gguf"], "a.gguf"), (["a-Q2_K.gguf", "a-F32.gguf"], "a-F32.gguf"),
            (["model.safetensors", "config.json", "a-Q6_K.gguf"], "a-Q6_K.gguf"),
        ] {
            #expect(try choose(names).entry == best)
        }
        let error = #expect(throws: HubError.self) { try choose(["a-Q2_K.gguf", "a-IQ1_S.gguf"]) }
        #expect(
            error?.description.contains("Q2_K, IQ1_S") == true
                || error?.description.contains("IQ1_S, Q2_K") == true)
        #expect(try choose(["a-Q2_K.gguf", "a-IQ1_S.gguf"], "org/name:Q2_K").entry == "a-Q2_K.gguf")
    }

    @Test("A wish is met or answered with what there is") func wishes() throws {
        let names = [
            "a-UD-Q4_K_XL.gguf", "a-Q4_K_XL.gguf", "a-Q8_0.gguf", "sub/b-Q8_0.gguf", "tokenizer.json",
        ]
        #expect(try choose(names, "org/name:ud-q4_k_xl").entry == "a-UD-Q4_K_XL.gguf")
        #expect(try choose(names, "org/name:Q4_K_XL").entry == "a-Q4_K_XL.gguf")
        let eight = try choose(names, "org/name:Q8_0")
        #expect(eight.entry == "a-Q8_0.gguf" && eight.others == ["sub/b-Q8_0.gguf"])
        #expect(try choose(names, "org/name/sub").entry == "sub/b-Q8_0.gguf")
        #expect(try choose(names, "org/name/tokenizer.json").files.count == 1)
        for wish in ["org/name:Q5_K_M", "org/name/c.gguf"] {
            let error = #expect(throws: HubError.self) { try choose(names, wish) }
            #expect(error?.description.contains("Q8_0") == true)
        }
    }

    @Test("Parts that are missing are said, whatever the format") func missingParts() throws {
        for names in [
            ["a-Q4_0-00001-of-00003.gguf", "a-Q4_0-00003-of-00003.gguf"],
            ["model-00001-of-00002.safetensors", "config.json"],
        ] {
            #expect(throws: HubError.self) { try choose(names) }
        }
        #expect(throws: HubError.self) { try choose(["a-Q4_0-00001-of-00002.gguf"], "org/name:Q4_0") }
    }

    @Test("A repository without weights that can be read names what it has") func foreign() throws {
        let error = #expect(throws: HubError.self) { try choose(["pytorch_model.bin", "config.json"]) }
        #expect(error?.description.contains("pytorch_model.bin") == true)
    }

    @Test(
        "Only addresses that all readers understand alike are taken",
        arguments: [
            "http://a@b/", "http://a\\b/", "http://a b/", "http://", "http://a:0/", "http://a:65536/",
            "http://a:1x/",
            "ftp://a/", "http:/a", "http://[::1/", "http://a\u{0}/", "http://ä/", "https://a:443@b/", "",
            "http://[1]2/",
        ])
    func noAddresses(text: String) { #expect(WebAddress(text) == nil) }

    @Test("Addresses know host, port and what a redirect means") func addresses() throws {
        let address = try #require(WebAddress("HTTPS://Hub.Example/a/b?c=1#d"))
        #expect(address.text == "https://hub.example/a/b?c=1" && address.port == 443)
        // A signature is not for people.
        #expect(address.description == "https://hub.example/a/b")
        for (location, expected) in [
            ("/x?y", "https://hub.example/x?y"), ("x", "https://hub.example/a/x"), ("//o/x", "https://o/x"),
            ("http://o:81/x", "http://o:81/x"),
        ] {
            #expect(address.following(location)?.text == expected)
        }
        let inner = address.appending(path: ["o r", "ä%", "../x"])
        #expect(inner.target == "/a/b?c=1/o%20r/%C3%A4%25/..%2Fx")
        for (text, isLoopback) in [
            ("http://localhost/", true), ("http://127.0.0.1:8/", true), ("http://[::1]:8/", true),
            ("http://127.0.0.1.evil.example/", false), ("http://127.evil/", false),
            ("http://10.0.0.1/", false),
        ] {
            #expect(WebAddress(text)?.isLoopback == isLoopback)
        }
    }

    @Test("A protected connection is not left for one that all can read") func downgrade() throws {
        func mayFollow(_ next: String, _ address: String) throws -> Bool {
            try WebClient.mayFollow(#require(WebAddress(next)), from: #require(WebAddress(address)))
        }
        #expect(try mayFollow("https://b/", "https://a/") && mayFollow("http://b/", "http://a/"))
        #expect(try mayFollow("https://b/", "http://a/") && mayFollow("http://127.0.0.1/", "http://a/"))
        #expect(try !mayFollow("http://b/", "https://a/") && !mayFollow("http://127.0.0.1/", "https://a/"))
    }

    @Test("The environment says what it says to Python") func environment() throws {
        func settings(_ variables: [String: String]) -> HubSettings { HubSettings { variables[$0] } }
        #expect(settings([:]).cacheDirectory == nil)
        #expect(settings(["HOME": "/h"]).cacheDirectory == "/h/.cache/huggingface/hub")
        #expect(settings(["HOME": "/h", "XDG_CACHE_HOME": "/x"]).cacheDirectory == "/x/huggingface/hub")
        #expect(settings(["HF_HOME": "/f", "XDG_CACHE_HOME": "/x"]).cacheDirectory == "/f/hub")
        #expect(settings(["HF_HOME": "/f", "HUGGINGFACE_HUB_CACHE": "/g"]).cacheDirectory == "/g")
        #expect(
            settings(["HF_HUB_CACHE": "~/c", "HUGGINGFACE_HUB_CACHE": "/g", "HOME": "/h"]).cacheDirectory
                == "/h/c")
        #expect(settings(["HF_ENDPOINT": "https://m/"]).endpoint == "https://m")
        for value in ["1", "ON", "yes", "True"] { #expect(settings(["HF_HUB_OFFLINE": value]).isOffline) }
        #expect(
            !settings(["HF_HUB_OFFLINE": "0"]).isOffline && settings(["TRANSFORMERS_OFFLINE": "1"]).isOffline)
    }

    @Test("The token comes from the variable, else from its file, and never with a line break") func token() {
        let fixture = HubFixture()
        let home = fixture.directory.path
        func token(_ variables: [String: String]) -> String? { HubSettings { variables[$0] }.token }
        #expect(token(["HF_TOKEN": " hf_a\n"]) == "hf_a")
        #expect(token(["HF_HOME": home]) == nil)
        fixture.write(Array("hf_b\n".utf8), home + "/token")
        #expect(token(["HF_HOME": home]) == "hf_b" && token(["HF_HOME": home, "HF_TOKEN": "hf_a"]) == "hf_a")
        #expect(token(["HF_TOKEN_PATH": home + "/token"]) == "hf_b")
        #expect(token(["HF_HOME": home, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"]) == nil)
        #expect(token(["HF_TOKEN": "a\r\nX-Evil: 1"]) == nil)
    }

    @Test("A token stays here where the hub is reached over a connection that all can read")
    func plainEndpoint() throws {
        var settings = HubSettings()
        settings.token = "hf_a"
        settings.endpoint = "http://mirror.example"
        #expect(try WebClient(settings).withholdsToken)
        settings.endpoint = "http://127.0.0.1:1"
        #expect(try !WebClient(settings).withholdsToken)
        settings.endpoint = "mirror"
        #expect(throws: HubError.self) { try Hub(settings) }
    }
}
