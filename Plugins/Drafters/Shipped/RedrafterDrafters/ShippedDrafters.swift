import CShippedDrafters
import MedusaDrafter
import RecurrentDrafter
import RedrafterFormats

/// The drafters that come with the package. A program that registers them carries them in its binary, which needs no file
/// beside it and can be moved:
///
///     var options = ModelOptions()
///     options.registry.register(ShippedDrafters.all)
public enum ShippedDrafters {
    /// Those whose weights were there when the program was built.
    public static let all: [ShippedDrafter] = [
        drafter(
            "smollm2-135m-rnn", for: "SmolLM2-135M-Instruct", .recurrent, rd_shipped_smollm2_135m_rnn()),
        drafter(
            "smollm2-135m-medusa", for: "SmolLM2-135M-Instruct", .medusa, rd_shipped_smollm2_135m_medusa()),
    ].compactMap { $0 }

    private static func drafter(
        _ name: String, for model: String, _ kind: DrafterKind, _ file: rd_shipped_file
    ) -> ShippedDrafter? {
        guard file.count > 0 else { return nil }
        return ShippedDrafter(
            name: name, model: model, kind: kind,
            bytes: UnsafeRawBufferPointer(start: file.bytes, count: file.count))
    }
}
