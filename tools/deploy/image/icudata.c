/* A libicudata without data, after ICU's own stub of it (source/stubdata), for the image alone.
 *
 * The programs ask ICU for the case and kind of letters, whose tables lie in libicuuc itself. The 31 MB
 * of libicudata are calendars, sortings and converters that nobody asks for; but libicuuc wants a
 * library of that name with this one symbol, a package with no entries. */
#include <unicode/udata.h>
#include <unicode/uversion.h>

struct empty_package {
    uint16_t header_bytes;
    uint8_t magic_1, magic_2;
    UDataInfo info;
    char padding[8];
    uint32_t count, reserved;
    int nothing[4];
};

const struct empty_package U_ICUDATA_ENTRY_POINT = {
    .header_bytes = 32,
    .magic_1 = 0xda,
    .magic_2 = 0x27,
    .info = {.size = sizeof(UDataInfo),
             .isBigEndian = U_IS_BIG_ENDIAN,
             .charsetFamily = U_CHARSET_FAMILY,
             .sizeofUChar = sizeof(UChar),
             .dataFormat = {'T', 'o', 'C', 'P'},
             .formatVersion = {1, 0, 0, 0}},
};
