/* Apple Root CA - G3, as https://www.apple.com/certificateauthority/ shows it: what the App Store signs with leads to it.
 * Its SHA-256 is 63343abfb89a6a03ebb57e9b3f5fa7be7c4f5c756f3017b3a8c488c3653e9179; it lives until 2039-04-30. */
#pragma once

extern const char apple_root_pem[];
