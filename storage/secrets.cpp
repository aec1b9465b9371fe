#include "storage/secrets.hpp"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <system_error>

#include "storage/base/text.hpp"
#include "storage/base/unique_fd.hpp"
#include "storage/kv/key_codec.hpp"
#include "storage/pbkdf2.hpp"

namespace pinhole::storage {

namespace {

constexpr unsigned long long password_operations = 2;
constexpr std::size_t password_memory_bytes = 19'456UL * 1024;
constexpr std::string_view token_prefix = "ph_";
constexpr std::size_t authentication_bytes = 16;
constexpr std::size_t master_bytes_min = 32;

using derived = std::array<std::uint8_t, 32>;

const unsigned char* octets(std::string_view bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* octets(std::string& bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

void keyed_hash(std::uint8_t* out, std::size_t out_size, std::string_view message,
                const derived& key) {
    crypto_generichash(out, out_size, octets(message), message.size(), key.data(), key.size());
}

derived derive(const derived& master, std::uint64_t number) {
    derived key{};
    crypto_kdf_derive_from_key(key.data(), key.size(), number, "pinhole_", master.data());
    return key;
}

std::string bytes_of(const login_token& token) {
    kv::key_writer out;
    out.append_i64(token.session);
    std::string bytes = out.take();
    bytes.append(reinterpret_cast<const char*>(token.secret.data()), token.secret.size());
    return bytes;
}

/// Unambiguous whatever the two parts hold.
std::string scoped(std::string_view scope, std::string_view key) {
    kv::key_writer out;
    out.append_string(scope);
    out.append_string(key);
    return out.take();
}

std::string to_base64(std::span<const std::uint8_t> bytes) {
    std::array<char, 64> text{};
    return sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(),
                             sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

/// What a login against no user is checked against: a hash in the real ones' form that no password
/// leads to, so that checking it is the same work.
const std::string& decoy_hash() {
    static const std::string hash = [] {
        std::array<std::uint8_t, crypto_pwhash_SALTBYTES> salt{};
        std::array<std::uint8_t, 32> output{};
        randombytes_buf(salt.data(), salt.size());
        randombytes_buf(output.data(), output.size());
        return "$argon2id$v=19$m=" + std::to_string(password_memory_bytes / 1024) +
               ",t=" + std::to_string(password_operations) + ",p=1$" + to_base64(salt) + '$' +
               to_base64(output);
    }();
    return hash;
}

}  // namespace

std::string hash_password(std::string_view password) {
    std::array<char, crypto_pwhash_STRBYTES> hash{};
    if (crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), password_operations,
                              password_memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
        throw std::bad_alloc{};
    }
    return hash.data();
}

bool verify_password(std::string_view stored, std::string_view password) {
    if (const auto from_django = parse_pbkdf2(stored)) {
        return verify_pbkdf2(*from_django, password);
    }
    std::string hash{stored};
    // Reads the whole text without doing its work, so that a damaged one is known beforehand.
    const bool usable = hash.starts_with("$argon2id$") && hash.size() < crypto_pwhash_STRBYTES &&
                        crypto_pwhash_str_needs_rehash(hash.c_str(), password_operations,
                                                       password_memory_bytes) >= 0;
    if (!usable) {
        hash = decoy_hash();
    }
    const bool matches =
        crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
    return matches && usable;
}

bool needs_rehash(std::string_view stored) {
    return crypto_pwhash_str_needs_rehash(std::string{stored}.c_str(), password_operations,
                                          password_memory_bytes) != 0;
}

std::string to_string(const login_token& token) {
    return std::string{token_prefix} + to_base64url(as_octets(bytes_of(token)));
}

std::optional<login_token> parse_login_token(std::string_view text) {
    if (!text.starts_with(token_prefix)) {
        return std::nullopt;
    }
    const auto bytes = parse_base64url(text.substr(token_prefix.size()));
    login_token token;
    if (!bytes || bytes->size() != sizeof token.session + token.secret.size()) {
        return std::nullopt;
    }
    kv::key_reader in{*bytes};
    token.session = in.read_i64().value();
    bytes->copy(reinterpret_cast<char*>(token.secret.data()), token.secret.size(),
                sizeof token.session);
    return token;
}

secrets::secrets(std::string_view master) {
    assert(master.size() >= master_bytes_min);
    derived root{};
    crypto_generichash(root.data(), root.size(), octets(master), master.size(), nullptr, 0);
    token_key_ = derive(root, 1);
    cursor_key_ = derive(root, 2);
    idempotency_name_key_ = derive(root, 3);
    idempotency_seal_key_ = derive(root, 4);
    sodium_memzero(root.data(), root.size());
}

login_token secrets::make_login_token(entity_id session) const {
    login_token token{.session = session};
    randombytes_buf(token.secret.data(), token.secret.size());
    return token;
}

std::string secrets::hash_login_token(const login_token& token) const {
    std::string hash(32, '\0');
    keyed_hash(octets(hash), hash.size(), bytes_of(token), token_key_);
    return hash;
}

bool secrets::is_token_of(std::string_view stored_hash, const login_token& token) const {
    const std::string hash = hash_login_token(token);
    return stored_hash.size() == hash.size() &&
           sodium_memcmp(stored_hash.data(), hash.data(), hash.size()) == 0;
}

std::string secrets::authenticate(std::string_view message) const {
    std::string code(authentication_bytes, '\0');
    keyed_hash(octets(code), code.size(), message, cursor_key_);
    return code;
}

bool secrets::is_authentic(std::string_view message, std::string_view code) const {
    const std::string expected = authenticate(message);
    return code.size() == expected.size() &&
           sodium_memcmp(code.data(), expected.data(), expected.size()) == 0;
}

std::string secrets::name_of_idempotency_key(std::string_view scope, std::string_view key) const {
    std::string name(32, '\0');
    keyed_hash(octets(name), name.size(), scoped(scope, key), idempotency_name_key_);
    return name;
}

secrets::subkey secrets::sealing_key(std::string_view scope, std::string_view key) const {
    subkey sealing{};
    keyed_hash(sealing.data(), sealing.size(), scoped(scope, key), idempotency_seal_key_);
    return sealing;
}

std::string secrets::seal(std::string_view scope, std::string_view key,
                          std::string_view plain) const {
    const subkey sealing = sealing_key(scope, key);
    std::string sealed(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain.size(),
                       '\0');
    randombytes_buf(sealed.data(), crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(octets(sealed) + crypto_secretbox_NONCEBYTES, octets(plain), plain.size(),
                          octets(sealed), sealing.data());
    return sealed;
}

std::optional<std::string> secrets::open(std::string_view scope, std::string_view key,
                                         std::string_view sealed) const {
    constexpr std::size_t overhead = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    if (sealed.size() < overhead) {
        return std::nullopt;
    }
    const subkey sealing = sealing_key(scope, key);
    std::string plain(sealed.size() - overhead, '\0');
    const std::string_view box = sealed.substr(crypto_secretbox_NONCEBYTES);
    if (crypto_secretbox_open_easy(octets(plain), octets(box), box.size(), octets(sealed),
                                   sealing.data()) != 0) {
        return std::nullopt;
    }
    return plain;
}

namespace {

/// What stands behind a made key in its file, so that a damaged one is not taken for another key,
/// under which no login and no idempotency record would be found any more.
std::string check_line(std::string_view key) {
    std::array<std::uint8_t, crypto_generichash_BYTES_MIN> sum{};
    const std::string message = "pinhole key file\n" + std::string{key};
    crypto_generichash(sum.data(), sum.size(), octets(message), message.size(), nullptr, 0);
    return "check " + to_hex(sum);
}

std::string key_file_text(std::string_view key) {
    return std::string{key} + '\n' + check_line(key) + '\n';
}

/// A file of one line is an operator's own, or an older version's; any other must be as made.
std::string read_key_file(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    std::string key = text.substr(0, text.find('\n'));
    const bool is_one_line = text.size() == key.size() + 1;
    const bool is_as_made = text == key_file_text(key);
    const std::size_t made_bytes = key_file_text(to_hex(derived{})).size();
    if (key.size() < master_bytes_min ||
        !(is_as_made || (is_one_line && text.size() != made_bytes))) {
        throw std::runtime_error{"the key file " + path.string() +
                                 " is damaged or too short; restore it from a backup, or remove it "
                                 "to end every login"};
    }
    return key;
}

/// Written aside, synced and renamed, so that a crash never leaves half a key.
std::string make_key_file(const std::filesystem::path& path) {
    derived random{};
    randombytes_buf(random.data(), random.size());
    const std::string text = to_hex(random);
    const std::filesystem::path aside = path.string() + ".new";
    const auto check = [&](bool done) {
        if (!done) {
            throw std::system_error{errno, std::system_category(), "cannot write " + path.string()};
        }
    };
    const unique_fd file{::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    check(static_cast<bool>(file));
    const std::string lines = key_file_text(text);
    check(::write(file.get(), lines.data(), lines.size()) == static_cast<ssize_t>(lines.size()));
    check(::fsync(file.get()) == 0);
    check(::rename(aside.c_str(), path.c_str()) == 0);
    const unique_fd folder{::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    check(folder && ::fsync(folder.get()) == 0);
    return text;
}

}  // namespace

std::string load_or_make_master_key(const std::filesystem::path& data_dir,
                                    std::string_view configured) {
    if (!configured.empty()) {
        if (configured.size() < master_bytes_min) {
            throw std::runtime_error{"PINHOLE_SECRET_KEY must be at least 32 characters"};
        }
        return std::string{configured};
    }
    const std::filesystem::path path = data_dir / "secret.key";
    return std::filesystem::exists(path) ? read_key_file(path) : make_key_file(path);
}

}  // namespace pinhole::storage
