package guard

import (
	"strings"
	"unicode"
)

// The tables of this file hold other forms of ASCII characters, as the Unicode
// Collation Algorithm compares them without regard to case and accents
// (versions 4 and 14, of MariaDB): a lookup with such a collation finds "ann"
// for each of them.

// alphabets begin with A or a, and repeat it after 26 letters. The letters of
// mathematics are one of them.
var alphabets = []struct{ first, end rune }{
	{0x24B6, 0x24EA}, {0x1D400, 0x1D6A4}, {0x1F130, 0x1F14A}, {0x1F150, 0x1F16A}, {0x1F170, 0x1F18A},
}

// numerals are digits in ascending order that are not in the category Nd.
var numerals = []struct{ first, digit, n rune }{
	{0x9F4, '1', 4}, {0xC78, '0', 4}, {0xC7C, '1', 3}, {0xF2A, '1', 9}, {0x1369, '1', 9},
	{0x17F0, '0', 10}, {0x2074, '4', 6}, {0x2080, '0', 10}, {0x2460, '1', 9}, {0x24F5, '1', 9},
	{0x2776, '1', 9}, {0x2780, '1', 9}, {0x278A, '1', 9}, {0x3021, '1', 9}, {0x10107, '1', 9},
	{0x102E1, '1', 9}, {0x10858, '1', 3}, {0x10879, '1', 5}, {0x108A7, '1', 4},
	{0x109C0, '1', 9}, {0x10A40, '1', 4}, {0x10B58, '1', 4}, {0x10B78, '1', 4},
	{0x10BA9, '1', 4}, {0x10E60, '1', 9}, {0x10F1D, '1', 5}, {0x10FC5, '1', 4},
	{0x11052, '1', 9}, {0x111E1, '1', 9}, {0x11C5A, '1', 9}, {0x12400, '2', 8},
	{0x12408, '3', 7}, {0x1240F, '4', 6}, {0x12415, '1', 9}, {0x1241E, '1', 5},
	{0x12425, '3', 7}, {0x1242C, '1', 3}, {0x1242F, '3', 3}, {0x12434, '1', 3},
	{0x12437, '3', 3}, {0x1244A, '2', 5}, {0x1244F, '1', 4}, {0x12469, '4', 6},
	{0x16E80, '0', 10}, {0x16E94, '1', 3}, {0x1D2E0, '0', 10}, {0x1D360, '1', 9},
	{0x1D372, '1', 5}, {0x1E8C7, '1', 9}, {0x1EC71, '1', 9}, {0x1ECA3, '1', 9},
	{0x1ED01, '1', 9}, {0x1ED2F, '2', 8},
}

// forms maps other runes to ASCII. Its source is pairs of a text and the runes
// that are forms of it.
var forms = func() map[rune]string {
	m := make(map[rune]string)
	fields := strings.Fields("! ︕﹗ !! ‼ !? ⁉ # ﹟ $ ﹩ % ﹪ & ﹠ ( ⁽₍︵﹙ (1) ⑴ (10) ⑽ (11) ⑾ (12) ⑿ (13) ⒀ (14) ⒁ (15) ⒂ " +
		"(16) ⒃ (17) ⒄ (18) ⒅ (19) ⒆ (2) ⑵ (20) ⒇ (3) ⑶ (4) ⑷ (5) ⑸ (6) ⑹ (7) ⑺ (8) ⑻ (9) ⑼ " +
		"(a) ⒜🄐 (b) ⒝🄑 (c) ⒞🄒 (d) ⒟🄓 (e) ⒠🄔 (f) ⒡🄕 (g) ⒢🄖 (h) ⒣🄗 (i) ⒤🄘 (j) ⒥🄙 (k) ⒦🄚 (l) ⒧🄛 " +
		"(m) ⒨🄜 (n) ⒩🄝 (o) ⒪🄞 (p) ⒫🄟 (q) ⒬🄠 (r) ⒭🄡 (s) ⒮🄢 (t) ⒯🄣 (u) ⒰🄤 (v) ⒱🄥 (w) ⒲🄦 (x) ⒳🄧 " +
		"(y) ⒴🄨 (z) ⒵🄩 ) ⁾₎︶﹚ * ﹡ + ⁺₊﬩﹢ , ︐﹐ - ﹣ . ․﹒ .. ‥︰ ... …︙ 0 ༳⁰⓪⓿〇𐆊🄋🄌 0, 🄁 0. 🄀 " +
		"1 ¹᧚𐅂𐅘𐅙𐅚𐌠𐏑\U000108FB\U00010916\U00010A7D\U00010A9D\U00010AEB\U00010CFA\U00010F51𒑘𝍷\U0001ECB1 " +
		"1, 🄂 1. ⒈ 10 ⑩⓾❿➉➓㉈ 10. ⒑ 11 ⑪⓫ 11. ⒒ 12 ⑫⓬ 12. ⒓ 120p 🆤 13 ⑬⓭ 13. ⒔ 14 ⑭⓮ 14. ⒕ 15 ⑮⓯ " +
		"15. ⒖ 16 ⑯⓰ 16. ⒗ 17 ⑰⓱ 17. ⒘ 18 ⑱⓲ 18. ⒙ 19 ⑲⓳ 19. ⒚ 2 ²𐅛𐅜𐅝𐅞𐏒\U0001091A𒐣𒑖𒑙\U0001ECB2 " +
		"2, 🄃 2. ⒉ 20 ⑳⓴㉉ 20. ⒛ 21 ㉑ 22 ㉒ 22.2 🆢 23 ㉓ 24 ㉔ 25 ㉕ 26 ㉖ 27 ㉗ 28 ㉘ 29 ㉙ 2k 🆝 " +
		"3 ³\U0001091B𒐤𒐺𒐻𒑗 3, 🄄 3. ⒊ 30 ㉊㉚ 31 ㉛ 32 ㉜ 33 ㉝ 34 ㉞ 35 ㉟ 36 ㊱ 37 ㊲ 38 ㊳ 39 ㊴ 3d 🆛 " +
		"4 \U000108AB𒐼𒐽𒐾𒐿𒑓 4, 🄅 4. ⒋ 40 ㉋㊵ 41 ㊶ 42 ㊷ 43 ㊸ 44 ㊹ 45 ㊺ 46 ㊻ 47 ㊼ 48 ㊽ 49 ㊾ 4k 🆞 " +
		"5 𐅃𐅈𐅏𐅟𐅳𐌡\U000108AC\U000108FC\U00010AEC\U00010CFB𒑔𒑕𝍸 5, 🄆 5. ⒌ 5.1 🆠 50 ㉌㊿ 6 ↅ𒑀 6, 🄇 " +
		"6. ⒍ 60 ㉍ 60p 🆣 7 𒑁𒑂𒑃 7, 🄈 7. ⒎ 7.1 🆡 70 ㉎ 8 𒑄𒑅 8, 🄉 8. ⒏ 80 ㉏ 8k 🆟 9 𒑆𒑇𒑈𒑉 9, 🄊 9. ⒐ " +
		": ︓﹕ ::= ⩴ ; ;︔﹔ < ≮﹤ = ⁼₌≠﹦ == ⩵ === ⩶ > ≯﹥ ? ︖﹖ ?! ⁈ ?? ⁇ @ ﹫ [ ﹇ \\ ﹨ ] ﹈ _ ︳︴﹍﹎﹏ " +
		"` ` a ª\u0363ᴬᵃ\u1DD3\u1DF2ₐꞚꞛꟀꟁ a.m. ㏂ a/c ℀ a/s ℁⅍ aa Ꜳꜳ𐞀 ab 🆎 ae ǢǣǼǽᴭ\u1DD4𐞃 " +
		"ao \u1DD5Ꜵꜵ au ㍳Ꜷꜷ av \u1DD6ꜸꜹꜺꜻ ay Ꜽꜽ b ᴮᵇ\u1DE8ℬ bar ㍴ bq ㏃ c \u0368ᶜ\u1DD7ℂℭⅭⅽꟲ🄫 " +
		"c/o ℅ c/u ℆ cal ㎈ cc ㏄ cd ㏅🄭 cl 🆑 cm ㎝ cm2 ㎠ cm3 ㎤ co. ㏇ cool 🆒 " +
		"d \u0369ᴰᵈᶞ\u1DD8\u1DD9ⅅⅆⅮⅾꝹꝺ🆥 da ㍲ db ȸ㏈ dj 🆐 dl ㎗ dm ㍷ dm2 ㍸ dm3 ㍹ dz ʣ𐞇 " +
		"e \u0364ᴱᵉₑℯℰⅇ erg ㋍ ev ㋎ f ᶠ\u1DEBℱꝻꝼꟳ fax ℻ ff ﬀ ffi ﬃ ffl ﬄ fi ﬁ fl ﬂ fm ㎙ free 🆓 " +
		"g \u1ACCᴳᵍᵹ\u1DDAℊꝽꞠꞡ gal ㏿ gb ㎇ ghz ㎓ gpa ㎬ gy ㏉ h ʰ\u036Aᴴₕℋℌℍℎℏꟸ𐞕 ha ㏊ hc 🆦 hdr 🆧 " +
		"hg ㋌ hp ㏋ hpa ㍱ hv 🅊 hz ㎐ i \u0365ᴵᵢⁱℐℑℹⅈⅠⅰ ic 🆋 id 🆔 ii Ⅱⅱ iii Ⅲⅲ in ㏌ iu ㍺ iv Ⅳⅳ " +
		"ix Ⅸⅸ j ʲᴶⅉⱼ k ᴷᵏ\u1DDCₖꞢꞣ ka ㎄ kb ㎅ kcal ㎉ kg ㎏ khz ㎑ kk ㏍ kl ㎘ km ㎞㏎ km2 ㎢ km3 ㎦ " +
		"kpa ㎪ kt ㏏ kv ㎸ kw ㎾ l Ŀŀˡᴸ\u1DDDₗℒℓⅬⅼ ll Ỻỻ lm ㏐ ln ㏑ log ㏒ lossless 🆩 ls ʪ𐞙 ltd ㋏ " +
		"lx ㏓ lz ʫ𐞚 m \u036BᴹᵐₘℳⅯⅿ m2 ㎡ m3 ㎥ ma ㎃ mb ㎆㏔ mc 🅪 md 🅫 mg ㎎ mhz ㎒ mil ㏕ ml ㎖ mm ㎜ " +
		"mm2 ㎟ mm3 ㎣ mol ㏖ mpa ㎫ mr 🅬 ms ㎳ mv ㎷㎹🅋 mw ㎽㎿ n ᴺ\u1DE0ⁿₙℕꞤꞥ na ㎁ new 🆕 nf ㎋ ng 🆖 " +
		"nm ㎚ no № ns ㎱ nv ㎵ nw ㎻ o ºǾǿ\u0366ᴼᵒ\u1DED\u1DF3ₒℴꞜꞝ𐞢 oe ꟹ ok 🆗 oo Ꝏꝏ ov ㍵ " +
		"p ᴾᵖ\u1DEEₚℙ🆊 p.m. ㏘ pa ㎀㎩🆌 pc ㍶ pf ㎊ ph ㏗ ppm ㏙ ppv 🅎 pr ㏚ ps ㎰ pte ㉐ pv ㎴ pw ㎺ q ℚꟴ𐞥 " +
		"qp ȹ r ʳ\u036C\u1ACDᴿᵣ\u1DCA\u1DE3ℛℜℝꝚꝛꞂꞃꞦꞧ🄬 rad ㎭ rs ₨ s ˢ\u1DE4\u1DE5ₛꞄꞅꞨꞩꟘꟙ sa 🆍 " +
		"sd 🅌 shv 🆪 sm ℠ sos 🆘 sr ㏛ ss 🅍 st ﬅﬆ sv ㏜ t \u036D\u1ACEᵀᵗₜꞆꞇ tel ℡ th ᵺ thz ㎔ tm ™ " +
		"ts ƾʦ𐞬 tz Ꜩꜩ u \u0367ᵁᵘᵤ\u1DF0\u1DF4Ꞟꞟ uhd 🆫 up! 🆙 v \u036EᵛᵥⅤⅴⱽ vi Ⅵⅵ vii Ⅶⅶ viii Ⅷⅷ " +
		"vod 🆬 vs 🆚 vy Ꝡꝡ w ʷ\u1ABFᵂ\u1DF1Ꟃꟃ wb ㏝ wc 🅏🆏 wz 🄮 x ˣ\u036FₓⅩⅹ xi Ⅺⅺ xii Ⅻⅻ y ʸ " +
		"z ᶻ\u1DE6ℤℨ zw ƍ { ︷﹛ } ︸﹜ ")
	for i := 0; i < len(fields); i += 2 {
		for _, r := range fields[i+1] {
			m[r] = fields[i]
		}
	}
	return m
}()

// ignored are characters that collations ignore, beside marks: those that
// lengthen a word or carry a mark.
const ignored = "\u0640\u06DE\u07FA\u0824\u0828\u180A\u1CD3\u1CF2\u1CF3\uFC5E\uFC5F\uFC60\uFC61\uFC62" +
	"\uFC63\uFCF2\uFCF3\uFCF4\uFE70\uFE71\uFE72\uFE73\uFE74\uFE76\uFE77\uFE78\uFE79\uFE7A" +
	"\uFE7B\uFE7C\uFE7D\uFE7E\uFE7F\uFF9E\uFF9F"

// form returns the ASCII text that a rune is another form of.
func form(r rune) (text string, found bool) {
	if r <= unicode.MaxASCII {
		return "", false
	}
	if 0xFF01 <= r && r <= 0xFF5E { // full-width
		return string(unicode.ToLower(r - 0xFF01 + '!')), true
	}
	for _, a := range alphabets {
		if a.first <= r && r < a.end {
			return string('a' + (r-a.first)%26), true
		}
	}
	for _, c := range numerals {
		if c.first <= r && r < c.first+c.n {
			return string(c.digit + r - c.first), true
		}
	}
	if unicode.Is(unicode.Nd, r) {
		return string('0' + decimal(r)), true
	}
	text, found = forms[r]
	return text, found
}

// decimal returns the value of a decimal digit. Their ranges begin with zero.
func decimal(r rune) rune {
	for _, in := range unicode.Nd.R16 {
		if rune(in.Lo) <= r && r <= rune(in.Hi) {
			return (r - rune(in.Lo)) % 10
		}
	}
	for _, in := range unicode.Nd.R32 {
		if rune(in.Lo) <= r && r <= rune(in.Hi) {
			return (r - rune(in.Lo)) % 10
		}
	}
	return 0
}
