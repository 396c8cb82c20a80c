/// Compatibility decompositions for the forms NFKC and NFKD.
enum CompatibilityMapping {
    /// The text with every character that has a compatibility decomposition replaced by it.
    static func mapped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar.value >= 0xA0, let mapping = table[scalar.value], isOld(scalar) {
                result.append(contentsOf: mapping)
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    /// The tables with which Hugging Face `tokenizers` decomposes and strips accents are those of Unicode 9.
    static func isOld(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.age.map { $0.major <= 9 } ?? false
    }

    private static let table: [UInt32: [Unicode.Scalar]] = {
        var table = [UInt32: [Unicode.Scalar]]()
        var last: UInt32 = 0
        for item in packed.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            let halves = item.split(separator: "=")
            let place = halves[0].split(separator: "*").map { number($0.utf8) }
            let targets = halves[1].split(separator: ".").map { number($0.utf8) }
            for offset in 0..<(place.count > 1 ? place[1] : 1) {
                table[last + place[0] + offset] = targets.compactMap { Unicode.Scalar($0 + offset) }
            }
            last += place[0] + (place.count > 1 ? place[1] - 1 : 0)
        }
        return table
    }()

    private static let digits: [UInt8] = Array(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_".utf8)
    private static let valueOfDigit: [UInt32] = {
        var values = [UInt32](repeating: 0, count: 128)
        for (value, digit) in digits.enumerated() { values[Int(digit)] = UInt32(value) }
        return values
    }()

    private static func number(_ text: Substring.UTF8View) -> UInt32 {
        text.reduce(0) { $0 << 6 | valueOfDigit[Int($1)] }
    }

    /// Distance from the entry before, how many characters in a row where the mapping ascends with them, and what
    /// they become, in numbers of base 64.
    private static let packed = """
        2W=W 8=W.C8 2=1X 5=W.C4 3*2=o 1=W.C1 1=Ey 3=W.Cd 1=n 1=1l 2=n.214.q 1=n.214.o 1=p.214.q 1q=19.1A
        1=1f.1g C=1C.2t 1=1i.2t 9=Ay.1k s=1p 15=14.1Q.CC 1=14.1w.CC 1=1a.1w.CC 1=1C.1A 1=1C.1g 1=1i.1g 1=1E.1A
        1=1E.1g 1=1k.1g b=14.1Q 1=14.1w 1=1a.1w 2z=1e 1=9c 1=1g 1=1o 1=9v 1=9x 1=A1 1=1t 1=1v W=W.C6 1=W.C7
        1=W.CA 1=W.Ce 1=W.C3 1=W.CB 3=9Z 1=1i 1=1p 1=1u 1=AL 2M=W.D5 A=W.C1 1=W.C8.C1 1B=Eo 1=Eu 1=Eb 1=Eb.C1
        1=Eb.C8 1=F6 1=F0 Q=Ew 1*2=F1 2=EO 1=Er 4=EZ 5V=Ld l=Lb.M2 4=Lh 1=Lr 3f=Od.Pq 1=P8.Pq 1=R7.Pq 1=PA.Pq
        Ux=vD.uo 20=xD.wo f=wh.wP 1=wh.wX l=yB 1h=-o.zn.-0 2=-p.zn.-0 63=13S mm=11 1=36 1=12 2*2=14 1=6E
        1*8=17 2=1F 1=8Y 1=1G 1=1I 1*2=1K 1=1N 1=1X 1*2=9G 1=1q2 1=1Y 1*2=1a 1=9P 1*2=9R 1=1d 2=1h 1=1j 1=5B
        1=1l 1=9K 1*2=1qM 1=1m 1*2=1q 1=1qT 1=9l 1=1s 1=1qb 1*3=Eo 1*2=F6 1=1f 1=1o 1*2=1r 1*2=Eo 1=F1 1*2=F6
        E=Gz Z=9I 1=1Z 1=9L 1=3m 1=9S 1=1c 1=9V 1=9X 1=9b 1*3=9e 1=1rx 1=AT 1=9j 1=1s5 1=AV 1=9n 1=9m 1*4=9o
        1=9u 1*2=A2 1=6h 1*2=A9 1=1qS 1*2=AB 1=1w 1*3=AG 1=Eu 3R=1X.A- 1=1p.C7 4Y=W.CJ 2=W.CJ 1=W.D2 1=W.C8.D2
        C=W.CJ.C0 1=W.CJ.C1 1=W.CJ.D2 E=W.CK.C0 1=W.CK.C1 1=W.CK.D2 E=W.C8.C0 1=W.C8.C1 F=W.C1 1=W.CK 2=W 1=W
        1=W 1=W 1=W 1=W 1=W 1=W 1=W 1=W 1=W 7=20G 6=W.Cp D=k 1=k.k 1=k.k.k 9=W 4=20o.20o 1=20o.20o.20o
        2=20r.20r 1=20r.20r.20r 5=X.X 2=W.C5 9=_._ 1=_.X 1=X._ E=20o.20o.20o.20o 8=W H=m 1=1f 3*6=q 1=h 1=28I
        1=z 1*2=e 1=1k 1*A=m 1=h 1=28I 1=z 1*2=e 2=1X 1=1b 1=1l 1=1u 1=9P 1=1e 1*4=1h 1=1m 1*2=1p 1=1t 1*2=1v
        9=1I.1p 1O=1X.l.1Z 1=1X.l.1p 1=13 1=2m.13 2=1Z.l.1l 1=1Z.l.1r 1=6G 2=2m.16 1=1d 1=18 1=18 1=18 1=1e
        1=4d 1=19 1=19 1=1C 1=1i 2=1E 1=1E.1l 3*3=1G 1=1I 1=1I 3=1J.1D 1=1K.15.1C 1=1K.1D 2=1Q 4=1Q 4*2=12
        2=1b 1*2=15 2=1D 1=1l 1*4=NG 1=1f 2=16.11.1O 1=F0 1=Ep 1=EJ 1=EW 1=28H 5=14 1*2=1a 1*2=1f 7=n.214.t
        1=n.214.v 1=n.214.n.m 1=n.214.p 1=o.214.p 1=n.214.r 1=o.214.r 1=p.214.r 1=q.214.r 1=n.214.s 1=r.214.s
        1=n.214.u 1=p.214.u 1=r.214.u 1=t.214.u 1=n.214 1=19 1=19.19 1=19.19.19 1=19.1M 1=1M 1=1M.19
        1=1M.19.19 1=1M.19.19.19 1=19.1O 1=1O 1=1O.19 1=1O.19.19 1=1C 1*2=13 1=1D 1=1f 1=1f.1f 1=1f.1f.1f
        1=1f.1s 1=1s 1=1s.1f 1=1s.1f.1f 1=1s.1f.1f.1f 1=1f.1u 1=1u 1=1u.1f 1=1u.1f.1f 1=1i 1*2=1Z 1=1j
        A=m.214.p 2Z=28h.28h 1=28h.28h.28h 2=28k.28k 1=28k.28k.28k 8m*9=n 1=n.m 1=n.n 1=n.o 1=n.p 1=n.q 1=n.r
        1=n.s 1=n.t 1=n.u 1=n.v 1=o.m 1=e.n.f 1=e.o.f 1=e.p.f 1=e.q.f 1=e.r.f 1=e.s.f 1=e.t.f 1=e.u.f 1=e.v.f
        1=e.n.m.f 1=e.n.n.f 1=e.n.o.f 1=e.n.p.f 1=e.n.q.f 1=e.n.r.f 1=e.n.s.f 1=e.n.t.f 1=e.n.u.f 1=e.n.v.f
        1=e.o.m.f 1=n.k 1=o.k 1=p.k 1=q.k 1=r.k 1=s.k 1=t.k 1=u.k 1=v.k 1=n.m.k 1=n.n.k 1=n.o.k 1=n.p.k
        1=n.q.k 1=n.r.k 1=n.s.k 1=n.t.k 1=n.u.k 1=n.v.k 1=o.m.k 1=e.1X.f 1=e.1Y.f 1=e.1Z.f 1=e.1a.f 1=e.1b.f
        1=e.1c.f 1=e.1d.f 1=e.1e.f 1=e.1f.f 1=e.1g.f 1=e.1h.f 1=e.1i.f 1=e.1j.f 1=e.1k.f 1=e.1l.f 1=e.1m.f
        1=e.1n.f 1=e.1o.f 1=e.1p.f 1=e.1q.f 1=e.1r.f 1=e.1s.f 1=e.1t.f 1=e.1u.f 1=e.1v.f 1=e.1w.f 1*Q=11
        1*Q=1X 1=m KY=28h.28h.28h.28h 1e=w.w.z 1=z.z 1=z.z.z 86=1g 1=1M 3o=2rX 4m=6lD 1K=9-V D=4u0 1=4ue 1=4us
        1=4u_ 1=4vP 1=4w5 1=4wC 1=4wW 1=4ww 1=54_ 1=55b 1=55h 1=562 1=56M 1=56h 1=57W 1=57r 1=580 1=5AR 1=5Bv
        1=5CL 1=5CQ 1=5Cu 1=5D1 1=5DS 1=5Df 1=5E2 1=5Es 1=5F8 1=5FZ 1=5RN 1=5SV 1=5Zh 1=5a2 1=5aA 1=5aL 1=5ad
        1=5bp 1=5jG 1=5k0 1=5lu 1=5mF 1=5mY 1=5mu 1=5nk 1=5nn 1=5tR 1=5tb 1=5tn 1=5t- 1=5vo 1=5vw 1=5v_ 1=5xq
        1=5x- 1=5yB 1=5yJ 1=5zG 1=5zX 1=5zp 1=5_3 1=688 1=68s 1=69B 1=6Kl 1=6Kq 1=6M7 1=6MN 1=6Ma 1=6Mv 1=6NW
        1=6Nb 1=6Rm 1=6S8 1=6Se 1=6iW 1=6jY 1=6jv 1=6kp 1=6lB 1=6lK 1=6lR 1=6mF 1=6mK 1=6mq 1=71h 1=78g 1=78s
        1=78x 1=78_ 1=797 1=79P 1=79R 1=7Ai 1=7E4 1=7E9 1=7JS 1=7Jc 1=7KO 1=7KV 1=7Ke 1=7Km 1=7MB 1=7MI 1=7Ps
        1=7Pz 1=7Qk 1=7Q_ 1=7Rk 1=7VR 1=7VY 1=7Vp 1=7aw 1=7cu 1=7c- 1=7fq 1=7hB 1=7hv 1=7np 1=7pu 1=7ys 1=7zH
        1=7-A 1=7-z 1=801 1=80C 1=80I 1=80p 1=81_ 1=829 1=87Z 1=87g 1=87p 1=87y 1=88C 1=88R 1=88V 1=89k 1=89o
        1=89u 1=8PD 1=8Ph 1=8X0 1=8XC 1=8XZ 1=8b- 1=8cB 1=8dI 1=8e0 1=8mt 1=8n6 1=8nL 1=8nu 1=8oT 1=8ra 1=8rm
        1=8sp 1=8wh 1=8xA 1=8-R 1=8-m 1=8-r 1=92H 1=959 1=976 1=97C 1=97H 1=9Lt 1=9M0 1=9OS 1=9Qs 1=9Qv 1=9Re
        1=9TH 1=9TU 1=9TY 1=9Tf 1=9VB 1=9Vj 1=9Vp 1=9W1 1=9Ye 1=9ZR 1=9ZV 1=9cM 1=9cP 1=9ci 1=9ge 1=9hO 1=9hV
        1=9ib 1=9il 1=9io 1=9iy 1=9jQ 1=9pb 1=9vr 1=9v_ 1=9wb 1=9wx 1=9x3 1=9xD 1=9xH 1=9xv 1=9xz 1=9yE 1=9yJ
        1=9yW 1=9yx 1=9zA 1=9zI 1=9-D 1=9-S 1=9-W h=W s=30I 2=5D1 1*2=5D4 1X=W.32P 1=W.32Q 3=328.32A
        1W=32p.338 o*2=140 1=16g 1=142 1*2=16i 1*3=143 1*6=16m 1=14Q 1*3=146 1=14X 1*A=149 1*L=15X 1=15W
        1*2=14K 1*2=177 1=17C 1=17E 1=17J 1=17N 1=17P 1=14S 1=17T 1=17V 1*2=14T 1=14W 1*2=14Y 1=14d 1=14f
        1*5=14h 1=14o 1=14s 1=150 1=157 1=15C 1*2=17n 1*3=15N 1*2=164 1=168 1*2=16H 1=16K 1=16U 1=16X 4=4u0
        1=4wC 1=4u9 1=5RR 1=4uA 1=4uj 1=4uB 1=7Ko 1=4vP 1=4uP 1=4u1 1=5af 1=5Sm 1=4ww 1X=e.140.f 1=e.142.f
        1=e.143.f 1=e.145.f 1=e.146.f 1=e.147.f 1=e.149.f 1=e.14B.f 1=e.14C.f 1=e.14E.f 1=e.14F.f 1=e.14G.f
        1=e.14H.f 1=e.14I.f 1=e.140.15X.f 1=e.142.15X.f 1=e.143.15X.f 1=e.145.15X.f 1=e.146.15X.f
        1=e.147.15X.f 1=e.149.15X.f 1=e.14B.15X.f 1=e.14C.15X.f 1=e.14E.15X.f 1=e.14F.15X.f 1=e.14G.15X.f
        1=e.14H.15X.f 1=e.14I.15X.f 1=e.14C.15k.f 1=e.14B.15f.14C.15b.16h.f 1=e.14B.15f.14I.15k.f 2=e.4u0.f
        1=e.4wC.f 1=e.4u9.f 1=e.5RR.f 1=e.4wK.f 1=e.55j.f 1=e.4u3.f 1=e.55h.f 1=e.4vT.f 1=e.5D1.f 1=e.6S8.f
        1=e.71h.f 1=e.6mq.f 1=e.6Se.f 1=e.97H.f 1=e.5SV.f 1=e.6Nb.f 1=e.6Wg.f 1=e.6S9.f 1=e.7a-.f 1=e.5GD.f
        1=e.79v.f 1=e.8oX.f 1=e.7bT.f 1=e.5Aq.f 1=e.4xZ.f 1=e.5Hy.f 1=e.5jc.f 1=e.7RZ.f 1=e.4y1.f 1=e.8p7.f
        1=e.5DK.f 1=e.7bj.f 1=e.4yH.f 1=e.87g.f 1=e.87p.f 1=5LF 1=5vy 1=6M7 1=7kF 9=1G.1K.15 1=o.n 1=o.o 1=o.p
        1=o.q 1=o.r 1=o.s 1=o.t 1=o.u 1=o.v 1=p.m 1=p.n 1=p.o 1=p.p 1=p.q 1=p.r 1=140 1*2=142 1*3=145 1=149
        1*2=14B 1*5=14E 1=140.15X 1=142.15X 1=143.15X 1=145.15X 1=146.15X 1=147.15X 1=149.15X 1=14B.15X
        1=14C.15X 1=14E.15X 1=14F.15X 1=14G.15X 1=14H.15X 1=14I.15X 1=14E.15X.16t.140.15f 1=14C.15k.14B.15q
        1=14B.15k 2=4u0 1=4wC 1=4u9 1=5RR 1=4wK 1=55j 1=4u3 1=55h 1=4vT 1=5D1 1=6S8 1=71h 1=6mq 1=6Se 1=97H
        1=5SV 1=6Nb 1=6Wg 1=6S9 1=7a- 1=5GD 1=79v 1=8oX 1=7bT 1=5Aq 1=7dO 1=7Kt 1=5bp 1=91f 1=54g 1=5Dm 1=6pe
        1=9W5 1=4yH 1=56P 1=6jZ 1=4uA 1=4uj 1=4uB 1=5tc 1=5Fp 1=5Cx 1=5kN 1=5jc 1=7RZ 1=4y1 1=8p7 1=5DK 1=5aS
        1=p.s 1=p.t 1=p.u 1=p.v 1=q.m 1=q.n 1=q.o 1=q.p 1=q.q 1=q.r 1=q.s 1=q.t 1=q.u 1=q.v 1=r.m 1=n.6S8
        1=o.6S8 1=p.6S8 1=q.6S8 1=r.6S8 1=s.6S8 1=t.6S8 1=u.6S8 1=v.6S8 1=n.m.6S8 1=n.n.6S8 1=n.o.6S8 1=18.1d
        1=1b.1o.1d 1=1b.1M 1=1C.1K.14 1=32Y 1=32a 1=32c 1=32e 1*2=32g 1=32j 1=32l 1=32n 1=32p 1=32r 1=32t
        1=32v 1=32x 1=32z 1=32_ 1=331 1=334 1=336 1=338 1*6=33A 1=33I 1=33L 1=33O 1=33R 1*5=33U 1=33a 1=33c
        1*6=33e 1*4=33l 1=4xa.5IC 1=32Y.33F.32Q.33y.338 1=32Y.33h.33L.32X 1=32Y.33p.33O.32Q.32Y 1=32Y.33y.33h
        1=32a.33B.33p.32l.32P 1=32a.33p.331 1=32c.32f.33p 1=32e.32v.32l.33y.338.32P 1=32e.33y.32h.33y
        1=32g.33p.32v 1=32g.33y.33W 1=32h.32a.33g 1=32h.33f.333.338 1=32h.33j.33g.33y 1=32h.32P.33j.33p
        1=32h.32P.33p.33U 1=32j.32P.32h.32P 1=32j.32P.33B.33y 1=32j.33b.33g.33y 1=32j.32P.33h.32_.32P.33y
        1=32j.33j 1=32j.33j.32l.32P.33f.33W 1=32j.33j.33X.33y.338.33h 1=32j.33j.33l.333.338 1=32l.32P.33f.33W
        1=32l.32P.33f.33W.338.33p 1=32l.33h.32x.32P.32a.33j 1=32l.33j.33y.33D 1=32n.33y.32v 1=32p.33h.33A
        1=32p.33y.33R.32Q 1=32r.32a.32l.33h 1=32r.33p.331.33y.33W 1=32t.33g.33p.32l.32P 1=32x.33p.331
        1=32x.33p.338 1=32_.32P.33y.32v 1=336.32P.32t 1=338.32P.33h 1=338.33p 1=33A.33E 1=33E.333.338
        1=33F.32a.334 1=33F.32Q.33y.32x.33p.338 1=33F.32Q.33y.334 1=33F.32P.33y.33i.33h
        1=33I.32Q.32Y.32v.338.33h 1=33I.32Q.32l.33h 1=33I.32Q.32p 1=33I.32P.33h 1=33L.32X.33f.333.338.32P
        1=33L.32Z.33y.338 1=33L.32P.333.32t.32d.33h 1=33L.33f.33p 1=33O.32l.32_.33y.33h 1=33O.32Q.32z
        1=33O.32Q.33B.33I 1=33O.33h.334 1=33O.32Q.33p.32v 1=33O.32Q.33y.32t.32P 1=33O.32P.33y.32_
        1=33R.32Q.32a.33p.338 1=33R.32P.33h.338 1=33R.33p 1=33R.32Q.33p.338.32P 1=33R.33y.33h 1=33R.33y.33p
        1=33U.32a.32l.33j 1=33U.32a.33h 1=33U.333.33F 1=33U.33h.32l 1=33U.33p.32t.33d.33p 1=33V.32l.33j.33p
        1=33V.33g 1=33V.33g.33F.32P.33y.33h 1=33X.32h.32P 1=33X.32h.32P.338.33p 1=33X.33y.338.33h
        1=33a.33y.338.32P 1=33a.33y.33h 1=33c.32Y.33p 1=33g.333.338.33h 1=33g.33f 1=33h.33I.32Q.33y
        1=33h.33y.33L.32P.33h 1=33i.33W 1=33i.33p.338.32n.32P.33p 1=33l.333.338 1=m.72v 1=n.72v 1=o.72v
        1=p.72v 1=q.72v 1=r.72v 1=s.72v 1=t.72v 1=u.72v 1=v.72v 1=n.m.72v 1=n.n.72v 1=n.o.72v 1=n.p.72v
        1=n.q.72v 1=n.r.72v 1=n.s.72v 1=n.t.72v 1=n.u.72v 1=n.v.72v 1=o.m.72v 1=o.n.72v 1=o.o.72v 1=o.p.72v
        1=o.q.72v 1=1e.1G.1X 1=1a.1X 1=11.1L 1=1Y.1X.1o 1=1l.1M 1=1m.1Z 1=1a.1j 1=1a.1j.o 1=1a.1j.p 1=19.1L
        1=5vp.68G 1=6Oj.5IC 1=5ad.6jZ 1=6OE.6ox 1=6Wg.5yF.4yQ.7a- 1=1m.11 1=1k.11 1=Ey.11 1=1j.11 1=1h.11
        1=1B.12 1=1D.12 1=17.12 1=1Z.1X.1i 1=1h.1Z.1X.1i 1=1m.16 1=1k.16 1=Ey.16 1=Ey.1d 1=1j.1d 1=1h.1d
        1=18.1w 1=1h.18.1w 1=1D.18.1w 1=17.18.1w 1=1K.18.1w 1=Ey.1i 1=1j.1i 1=1a.1i 1=1h.1i 1=1c.1j 1=1k.1j
        1=Ey.1j 1=1j.1j 1=1Z.1j 1=1h.1j 1=1j.1j.o 1=1Z.1j.o 1=1j.o 1=1h.1j.o 1=1j.1j.p 1=1Z.1j.p 1=1j.p
        1=1h.1j.p 1=1j.28L.1p 1=1j.28L.1p.o 1=1G.1X 1=1h.1G.1X 1=1D.1G.1X 1=17.1G.1X 1=1o.1X.1a
        1=1o.1X.1a.28L.1p 1=1o.1X.1a.28L.1p.o 1=1m.1p 1=1k.1p 1=Ey.1p 1=1j.1p 1=1m.1M 1=1k.1M 1=Ey.1M 1=1j.1M
        1=1h.1M 1=1D.1M 1=1m.1N 1=1k.1N 1=Ey.1N 1=1j.1N 1=1h.1N 1=1D.1N 1=1h.Ef 1=1D.Ef 1=1X.k.1j.k 1=12.1n
        1=1Z.1Z 1=1Z.1a 1=13.28L.1h.1d 1=13.1l.k 1=1a.12 1=17.1v 1=1e.1X 1=18.1G 1=1f.1k 1=1B.1B 1=1B.1D
        1=1h.1q 1=1i.1j 1=1i.1k 1=1i.1l.1d 1=1i.1u 1=1j.1Y 1=1j.1f.1i 1=1j.1l.1i 1=1G.18 1=1m.k.1j.k
        1=1G.1G.1D 1=1G.1I 1=1p.1o 1=1J.1s 1=1N.1Y 1=1M.28L.1j 1=11.28L.1j 1=n.6Nb 1=o.6Nb 1=p.6Nb 1=q.6Nb
        1=r.6Nb 1=s.6Nb 1=t.6Nb 1=u.6Nb 1=v.6Nb 1=n.m.6Nb 1=n.n.6Nb 1=n.o.6Nb 1=n.p.6Nb 1=n.q.6Nb 1=n.r.6Nb
        1=n.s.6Nb 1=n.t.6Nb 1=n.u.6Nb 1=n.v.6Nb 1=o.m.6Nb 1=o.n.6Nb 1=o.o.6Nb 1=o.p.6Nb 1=o.q.6Nb 1=o.r.6Nb
        1=o.s.6Nb 1=o.t.6Nb 1=o.u.6Nb 1=o.v.6Nb 1=p.m.6Nb 1=p.n.6Nb 1=1d.1X.1i 7AT=HA 1=HC 3J=ATl 21=1J 1=13
        1=16 1=1H 4=4c 1=5J DZ=ASd 1=Ait 1=9h 1=AjI A=AD 4-N=1c.1c 1=1c.1f 1=1c.1i 1=1c.1c.1f 1=1c.1c.1i
        1=1p.1q 1=1p.1q D=Lq.Ls 1=Lq.Lb 1=Lq.Lh 1=L-.Ls 1=Lq.Lj 9=NY 1=NG 1*2=NJ 1*3=NR 1=Ne 1=Ng 1=h c=NG.NS
        1=Pn 1=Pn 1=Px 1=Px 1=Px 1=Px 1=P- 1=P- 1=P- 1=P- 1=Q0 1=Q0 1=Q0 1=Q0 1=Pw 1=Pw 1=Pw 1=Pw 1=P_ 1=P_
        1=P_ 1=P_ 1=Pv 1=Pv 1=Pv 1=Pv 1=Qa 1=Qa 1=Qa 1=Qa 1=Qc 1=Qc 1=Qc 1=Qc 1=Q4 1=Q4 1=Q4 1=Q4 1=Q3 1=Q3
        1=Q3 1=Q3 1=Q6 1=Q6 1=Q6 1*2=Q6 1=Q7 1=Q7 1=Q7 1=QD 1=QD 1=QC 1=QC 1=QE 1=QE 1=Q8 1=Q8 1=QO 1=QO 1=QH
        1=QH 1=Qf 1=Qf 1=Qf 1=Qf 1=Ql 1=Ql 1=Ql 1=Ql 1=Qp 1=Qp 1=Qp 1=Qp 1=Qn 1=Qn 1=Qn 1=Qn 1=Qw 1*2=Qw 1=Qx
        1=Qx 1=Qx 1=RL.PK 1=RL.PK 1=R1 1=R1 1=R1 1=R1 1=Q- 1=Q- 1=Q- 1=Q- 1=RI 1=RI 1=RI.PK 1=RI.PK Y=Qj 1=Qj
        1=Qj 1=Qj 1=R7 1=R7 1=R6 1=R6 1=R8 1=R8 1=R7.Pq 1=RB 1=RB 1=R5 1=R5 1=R9 1=R9 1=RG 1=RG 1=RG 1=RG 1=P9
        1=P9 1=PA.PK.Od 1=PA.PK.Od 1=PA.PK.RL 1=PA.PK.RL 1=PA.PK.P8 1=PA.PK.P8 1=PA.PK.R7 1=PA.PK.R7
        1=PA.PK.R6 1=PA.PK.R6 1=PA.PK.R8 1=PA.PK.R8 1=PA.PK.RG 1=PA.PK.RG 1=PA.PK.RG 1=PA.PK.P9 1=PA.PK.P9
        1=PA.PK.P9 1=RC 1=RC 1=RC 1=RC 1=PA.PK.Oi 1=PA.PK.Oj 1=PA.PK.P5 1=PA.PK.P9 1=PA.PK.PA 1=Oe.Oi 1=Oe.Oj
        1=Oe.Ok 1=Oe.P5 1=Oe.P9 1=Oe.PA 1=Og.Oi 1=Og.Oj 1=Og.Ok 1=Og.P5 1=Og.P9 1=Og.PA 1=Oh.Oi 1=Oh.P5
        1=Oh.P9 1=Oh.PA 1=Oi.Oj 1=Oi.P5 1=Oj.Oi 1=Oj.P5 1=Ok.Oi 1=Ok.Oj 1=Ok.P5 1=Op.Oi 1=Op.Oj 1=Op.Ok
        1=Op.P5 1=Or.Oj 1=Or.P5 1=Os.Oi 1=Os.Oj 1=Os.Ok 1=Os.P5 1=Ot.Oj 1=Ot.P5 1=Ou.P5 1=Ov.Oi 1=Ov.P5
        1=Ow.Oi 1=Ow.P5 1=P1.Oi 1=P1.Oj 1=P1.Ok 1=P1.P5 1=P1.P9 1=P1.PA 1=P2.Oj 1=P2.P5 1=P2.P9 1=P2.PA
        1=P3.Od 1=P3.Oi 1=P3.Oj 1=P3.Ok 1=P3.P4 1=P3.P5 1=P3.P9 1=P3.PA 1=P4.Oi 1=P4.Oj 1=P4.Ok 1=P4.P5
        1=P4.P9 1=P4.PA 1=P5.Oi 1=P5.Oj 1=P5.Ok 1=P5.P5 1=P5.P9 1=P5.PA 1=P6.Oi 1=P6.Oj 1=P6.Ok 1=P6.P5
        1=P6.P9 1=P6.PA 1=P7.Oi 1=P7.P5 1=P7.P9 1=P7.PA 1=PA.Oi 1=PA.Oj 1=PA.Ok 1=PA.P5 1=PA.P9 1=PA.PA
        1=Om.Pm 1=On.Pm 1=P9.Pm 1=W.PC.PH 1=W.PD.PH 1=W.PE.PH 1=W.PF.PH 1=W.PG.PH 1=W.PH.Pm 1=PA.PK.On
        1=PA.PK.Oo 1=PA.PK.P5 1=PA.PK.P6 1=PA.PK.P9 1=PA.PK.PA 1=Oe.On 1=Oe.Oo 1=Oe.P5 1=Oe.P6 1=Oe.P9 1=Oe.PA
        1=Og.On 1=Og.Oo 1=Og.P5 1=Og.P6 1=Og.P9 1=Og.PA 1=Oh.On 1=Oh.Oo 1=Oh.P5 1=Oh.P6 1=Oh.P9 1=Oh.PA
        1=P1.P9 1=P1.PA 1=P2.P9 1=P2.PA 1=P3.Od 1=P3.P4 1=P3.P5 1=P3.P9 1=P3.PA 1=P4.P5 1=P4.P9 1=P4.PA
        1=P5.Od 1=P5.P5 1=P6.On 1=P6.Oo 1=P6.P5 1=P6.P6 1=P6.P9 1=P6.PA 1=P9.Pm 1=PA.On 1=PA.Oo 1=PA.P5
        1=PA.P6 1=PA.P9 1=PA.PA 1=PA.PK.Oi 1=PA.PK.Oj 1=PA.PK.Ok 1=PA.PK.P5 1=PA.PK.P7 1=Oe.Oi 1=Oe.Oj 1=Oe.Ok
        1=Oe.P5 1=Oe.P7 1=Og.Oi 1=Og.Oj 1=Og.Ok 1=Og.P5 1=Og.P7 1=Oh.P5 1=Oi.Oj 1=Oi.P5 1=Oj.Oi 1=Oj.P5
        1=Ok.Oi 1=Ok.P5 1=Op.Oi 1=Op.Oj 1=Op.Ok 1=Op.P5 1=Or.Oj 1=Or.Ok 1=Or.P5 1=Os.Oi 1=Os.Oj 1=Os.Ok
        1=Os.P5 1=Ot.Oj 1=Ou.P5 1=Ov.Oi 1=Ov.P5 1=Ow.Oi 1=Ow.P5 1=P1.Oi 1=P1.Oj 1=P1.Ok 1=P1.P5 1=P2.Oj
        1=P2.P5 1=P3.Oi 1=P3.Oj 1=P3.Ok 1=P3.P4 1=P3.P5 1=P4.Oi 1=P4.Oj 1=P4.Ok 1=P4.P5 1=P4.P7 1=P5.Oi
        1=P5.Oj 1=P5.Ok 1=P5.P5 1=P6.Oi 1=P6.Oj 1=P6.Ok 1=P6.P5 1=P6.P7 1=P7.Oi 1=P7.P5 1=P7.Pm 1=PA.Oi
        1=PA.Oj 1=PA.Ok 1=PA.P5 1=PA.P7 1=PA.PK.P5 1=PA.PK.P7 1=Oe.P5 1=Oe.P7 1=Og.P5 1=Og.P7 1=Oh.P5 1=Oh.P7
        1=Op.P5 1=Op.P7 1=Oq.P5 1=Oq.P7 1=P3.P4 1=P3.P5 1=P4.P5 1=P6.P5 1=P6.P7 1=PA.P5 1=PA.P7 1=P0.PE.PH
        1=P0.PF.PH 1=P0.PG.PH 1=Ot.P9 1=Ot.PA 1=Ov.P9 1=Ov.PA 1=Ow.P9 1=Ow.PA 1=Op.P9 1=Op.PA 1=Oq.P9 1=Oq.PA
        1=Oj.P9 1=Oj.PA 1=Oi.P9 1=Oi.PA 1=Ok.P9 1=Ok.PA 1=Or.P9 1=Or.PA 1=Os.P9 1=Os.PA 1=Oq.Oi 1=Oq.Oj
        1=Oq.Ok 1=Oq.P5 1=Oq.On 1=Op.On 1=Or.On 1=Os.On 1=Ot.P9 1=Ot.PA 1=Ov.P9 1=Ov.PA 1=Ow.P9 1=Ow.PA
        1=Op.P9 1=Op.PA 1=Oq.P9 1=Oq.PA 1=Oj.P9 1=Oj.PA 1=Oi.P9 1=Oi.PA 1=Ok.P9 1=Ok.PA 1=Or.P9 1=Or.PA
        1=Os.P9 1=Os.PA 1=Oq.Oi 1=Oq.Oj 1=Oq.Ok 1=Oq.P5 1=Oq.On 1=Op.On 1=Or.On 1=Os.On 1=Oq.Oi 1=Oq.Oj
        1=Oq.Ok 1=Oq.P5 1=Op.P7 1=Oq.P7 1=Ot.P5 1=Op.Oi 1=Op.Oj 1=Op.Ok 1=Oq.Oi 1=Oq.Oj 1=Oq.Ok 1=Ot.P5
        1=Ou.P5 1=Od.PB 1=Od.PB J=Og.Oi.P5 1=Og.Oj.Oi 1=Og.Oj.Oi 1=Og.Oj.P5 1=Og.Ok.P5 1=Og.P5.Oi 1=Og.P5.Oj
        1=Og.P5.Ok 1=Oi.P5.Oj 1=Oi.P5.Oj 1=Oj.P5.PA 1=Oj.P5.P9 1=Op.Oj.Oi 1=Op.Oi.Oj 1=Op.Oi.P9 1=Op.P5.Oj
        1=Op.P5.Oj 1=Op.P5.Oi 1=Op.P5.P5 1=Op.P5.P5 1=Or.Oj.Oj 1=Or.Oj.Oj 1=Or.P5.P5 1=Oq.Oj.P5 1=Oq.Oj.P5
        1=Oq.Oi.PA 1=Oq.P5.Ok 1=Oq.P5.Ok 1=Oq.P5.P5 1=Oq.P5.P5 1=Os.Oj.P9 1=Os.Ok.P5 1=Os.Ok.P5 1=Ot.P5.Oj
        1=Ot.P5.Oj 1=Ot.P5.P5 1=Ot.P5.PA 1=Ov.Oi.P5 1=Ov.P5.P5 1=Ov.P5.P5 1=Ov.P5.P9 1=Ow.P5.P5 1=Ow.P5.PA
        1=Ow.P5.P9 1=P1.Ok.P5 1=P1.Ok.P5 1=P2.P5.Oj 1=P2.P5.P5 1=P4.Oj.P5 1=P4.Oj.PA 1=P4.Oj.P9 1=P4.Oi.Oi
        1=P4.Oi.Oi 1=P4.Ok.P5 1=P4.Ok.P5 1=P4.P5.Oj 1=P4.P5.Oj 1=P5.Oj.Oi 1=P5.Oj.P5 1=P5.Oj.PA 1=P5.Oi.Oj
        1=P5.Oi.P5 1=P5.Ok.Oi 1=P5.Ok.P5 3=P5.Oi.Ok 1=P7.P5.Oi 1=P7.P5.P5 1=P6.Oj.P5 1=P6.Oj.P9 1=P6.Oi.P5
        1=P6.Oi.P5 1=P6.Oi.P9 1=P6.P5.PA 1=P6.P5.P9 1=PA.P5.P5 1=PA.P5.P5 1=Oe.Ok.PA 1=Og.Oi.PA 1=Og.Oi.P9
        1=Og.Ok.PA 1=Og.Ok.P9 1=Og.P5.PA 1=Og.P5.P9 1=Oi.P5.PA 1=Oi.Oj.P9 1=Oi.P5.P9 1=Op.Ok.P9 1=Or.Oj.PA
        1=Oq.Oj.PA 1=Os.Oj.PA 1=P4.Oi.PA 1=P4.P5.PA 1=PA.Oj.PA 1=PA.Oi.PA 1=PA.P5.PA 1=P5.P5.PA 1=P2.P5.PA
        1=P6.Oj.PA 1=P2.P5.Oj 1=P4.Oj.P5 1=Ov.P5.PA 1=P3.P5.PA 1=P6.Oi.Oj 1=P5.Ok.PA 1=P4.Oi.P5 1=P3.P5.P5
        1=P4.Oi.P5 1=P6.Oi.Oj 1=Oi.Oj.PA 1=Oj.Oi.PA 1=P5.Oi.PA 1=P1.P5.PA 1=Oe.Oj.PA 1=P3.P5.P5 1=Ov.Oi.P5
        1=Or.P5.P5 1=Op.Ok.PA 1=P6.Oi.PA f=Or.P4.RI 1=P2.P4.RI 1=Od.P4.P4.P7 1=Od.P3.Oe.On 1=P5.Oj.P5.Ol
        1=Or.P4.Ov.P5 1=On.Op.P8.P4 1=Ov.P4.PA.P7 1=P8.Op.P4.P5 1=Or.P4.P9
        1=Or.P4.P9.W.Od.P4.P4.P7.W.Ov.P4.PA.P7.W.P8.Op.P4.P5 1=Oi.P4.W.Oi.P4.Od.P4.P7 1=On.RC.Od.P4 K=i
        1*2=301 1*2=w 1=X 1=_ 1*2=30M 1=k.k.k N=k.k 1=20K 1=20J 1=1V 1=1V 1*2=e 1=1x 1=1z 1*2=30K 1*2=30G
        1*2=30A 1*2=308 1*4=30C 3=1R 1=1T 1=W.C5 1=W.C5 1=W.C5 1=W.C5 1=1V 1=1V 1=1V 1=i 1=301 1=k 2=x 1=w 1=_
        1=X 1=20K 1*2=e 1=1x 1=1z 1*2=30K 1=Z 1=c 1*2=g 1=j 1=y 1=- 1=z 2=1S 1*2=a 1=10 5=W.PB 1=P0.PB 1=W.PC
        2=W.PD 2=W.PE 1=P0.PE 1=W.PF 1=P0.PF 1=W.PG 1=P0.PG 1=W.PH 1=P0.PH 1=W.PI 1=P0.PI 1=OX 1=Od.PJ 1=Od.PJ
        1=Od.PK 1=Od.PK 1=P8.PK 1=P8.PK 1=Od.PL 1=Od.PL 1=PA.PK 1=PA.PK 1=PA.PK 1=PA.PK 1=Od 1*2=Od 1=Oe 1=Oe
        1*2=Oe 1*2=Of 1=Og 1=Og 1*2=Og 1=Oh 1=Oh 1*2=Oh 1=Oi 1=Oi 1*2=Oi 1=Oj 1=Oj 1*2=Oj 1=Ok 1=Ok 1*2=Ok
        1*2=Ol 1*2=Om 1*2=On 1*2=Oo 1=Op 1=Op 1*2=Op 1=Oq 1=Oq 1*2=Oq 1=Or 1=Or 1*2=Or 1=Os 1=Os 1*2=Os 1=Ot
        1=Ot 1*2=Ot 1=Ou 1=Ou 1*2=Ou 1=Ov 1=Ov 1*2=Ov 1=Ow 1=Ow 1=Ow 1=P1 1=P1 1=P1 1*2=P1 1=P2 1=P2 1*2=P2
        1=P3 1=P3 1*2=P3 1=P4 1=P4 1*2=P4 1=P5 1=P5 1*2=P5 1=P6 1=P6 1*2=P6 1=P7 1=P7 1*2=P7 1*2=P8 1*2=P9
        1=PA 1=PA 1=PA 1=P4.Od.PJ 1=P4.Od.PJ 1=P4.Od.PK 1=P4.Od.PK 1=P4.Od.PL 1=P4.Od.PL 1=P4.Od 1=P4.Od
        5*1U=X 1*2=2c5 1=302 1*2=30C 1=301 1=33x 1=33o 1=32X 1=32Z 1=32b 1=32d 1=32f 1=33Z 1=33b 1=33d 1=333
        1=33y 1=32Y 1=32a 1=32c 1=32e 1*2=32g 1=32j 1=32l 1=32n 1=32p 1=32r 1=32t 1=32v 1=32x 1=32z 1=32_
        1=331 1=334 1=336 1=338 1*6=33A 1=33I 1=33L 1=33O 1=33R 1*5=33U 1=33a 1=33c 1*6=33e 1=33l 1=33p
        1*2=32P 1=15W 1*2=140 1=16g 1=142 1*2=16i 1*3=143 1*6=16m 1=14Q 1*3=146 1=14X 1*A=149 4*6=15X 3*6=15d
        3*6=15j 3*3=15p 4*2=2Y 1=2i 1=W.C4 1=2c 1=2b 1=22f 2=2K2 1*4=26G 1=2MW 1=2NB UJ*2=BG 1=3c 1=AP 1=9J
        2=AZ 1=Ajc 1=Ab 1=Aa 1*2=9M 1=1sH 1=9O 1=9U 1=Af 1=9a 1=9Y 1=9W 1=AR 1=4d 1=AS 1=9d 1=A4 1*2=Ag 1=9i
        1=Ty4 1=AUE 1=9k 1=Ty5 1=AE 1=Ty6 1=3u 1*2=9s 1=1n 1=9w 1=Ty8 1*2=9z 1=A0 1=Ae 1=Ac 1=Ajd 1=Ad 1=A8
        1=2nn 2=AF 1*2=AX 1=AO 1*3=70 1=TyA 1=TyU 1=A7 1*2=AM 1=AU 1=TyB Aba=31J.31e 1=338.32j 1=338.336
        1=33e.33g 1km*Q=11 1*A=m S7*Q=11 1*Q=1X 1*Q=11 1*7=1X 2*I=1f 1*Q=11 1*Q=1X 1=11 2*2=13 3=17 3*2=1A
        3*4=1E 2*8=1J 1*4=1X 2=1c 2*7=1e 2*B=1m 1*Q=11 1*Q=1X 1*2=11 2*4=14 3*8=1A 2*7=1J 2*Q=1X 1*2=11 2*4=14
        2*5=19 2=1F 4*7=1J 2*Q=1X 1*Q=11 1*Q=1X 1*Q=11 1*Q=1X 1*Q=11 1*Q=1X 1*Q=11 1*Q=1X 1*Q=11 1*Q=1X 1*Q=11
        1*Q=1X 1=4n 1=8t 1=3V 2*H=EH 1=EO 1*7=EZ 1=287 1*P=En 1=282 1=Er 1=Eu 1=Ew 1=F6 1=F1 1=F0 1*H=EH 1=EO
        1*7=EZ 1=287 1*P=En 1=282 1=Er 1=Eu 1=Ew 1=F6 1=F1 1=F0 1*H=EH 1=EO 1*7=EZ 1=287 1*P=En 1=282 1=Er
        1=Eu 1=Ew 1=F6 1=F1 1=F0 1*H=EH 1=EO 1*7=EZ 1=287 1*P=En 1=282 1=Er 1=Eu 1=Ew 1=F6 1=F1 1=F0 1*H=EH
        1=EO 1*7=EZ 1=287 1*P=En 1=282 1=Er 1=Eu 1=Ew 1=F6 1=F1 1=F0 1*2=FS 3*A=m 1*A=m 1*A=m 1*A=m 1*A=m
        UM=3V u*3=TzN 1=9Z 1=1qO 1=60 1=4H 1=7b 1=52 1=6Q 1=TzG 1=Ty- 1=99 1=1r_ 1=Ty_ 1=6U 1=9y 1*2=8u 1=Tyh
        1=TyP 1=A6 1=1sO 1=Tyi 1=TyS 1=AJ 1=1sQ 1=1q5 1=1q0 1=1q7 1=9_ 1=A5 1*2=Ak 1=8X 1*3=8q 1*2=F8 1=1s1
        1=AUL 1=1s7 1=1sA 1=1sE 1=68 1=6P 1=6b 1=AW 1=6j 1=Ty9 n*9=Gm 1*3=Gw 1*B=G- 1=HB 1*2=HD 1=AQ9 1=JP
        1=HM 1=HO 1=Jf 1=Il 1=JF 1*9=Gm 1*2=Gw 1*2=G- 1=H1 1*6=H3 1*2=HA 1=IH 1=HM 1=HL 1=HV 1=Ih 1=APH 1=In
        sJ*2=Od 1=Oi 1=Ol 2=P8 1=Oo 1=Oj 1=Ot 1=PA 1*4=P3 1=Op 1=Ov 1=P1 1=Or 1=P2 1=On 1=Oq 1*2=Og 1=Ok 1=Om
        1=Os 1=Ou 1=Ow 1=Pk 1=Qw 1=QX 1=Pl 2=Oe 1=Oi 2=P7 3=Oj 2=PA 1*4=P3 1=Op 1=Ov 1=P1 1=Or 1=P2 2=Oq
        1*2=Og 1=Ok 2=Os 2=Ow 7=Oi 5=Oj 2=PA 2=P4 2=P6 1=Op 1=Ov 2=Or 1=P2 2=Oq 3=Ok 2=Os 2=Ow 2=Qw 2=Pl 2=Oe
        1=Oi 2=P7 3=Oj 1=Ot 1=PA 1=P3 2*2=P5 1=Op 1=Ov 1=P1 1=Or 1=P2 2=Oq 1*2=Og 1=Ok 2=Os 1=Ou 1=Ow 1=Pk
        2=QX 2*2=Od 1=Oi 1=Ol 1*2=P7 1=Oo 1=Oj 1=Ot 1=PA 2*3=P4 1=Op 1=Ov 1=P1 1=Or 1=P2 1=On 1=Oq 1*2=Og 1=Ok
        1=Om 1=Os 1=Ou 1=Ow 6=Oe 1=Oi 1=Ol 2=P8 1=Oo 1=Oj 1=Ot 1=PA 2*3=P4 1=Op 1=Ov 1=P1 1=Or 1=P2 1=On 1=Oq
        1*2=Og 1=Ok 1=Om 1=Os 1=Ou 1=Ow 95=m.k 1=m.i 1=n.i 1=o.i 1=p.i 1=q.i 1=r.i 1=s.i 1=t.i 1=u.i 1=v.i
        6=e.11.f 1=e.12.f 1=e.13.f 1=e.14.f 1=e.15.f 1=e.16.f 1=e.17.f 1=e.18.f 1=e.19.f 1=e.1A.f 1=e.1B.f
        1=e.1C.f 1=e.1D.f 1=e.1E.f 1=e.1F.f 1=e.1G.f 1=e.1H.f 1=e.1I.f 1=e.1J.f 1=e.1K.f 1=e.1L.f 1=e.1M.f
        1=e.1N.f 1=e.1O.f 1=e.1P.f 1=e.1Q.f 1=30K.1J.30L 1=13 1=1I 1=13.14 1=1N.1Q 2*Q=11 1=18.1M 1=1D.1M
        1=1J.14 1=1J.1J 1=1G.1G.1M 1=1N.13 R=1D.13 1=1D.14 1=1D.1I a=14.1A 1m=31x.31B 1=32p.32p 1=32r E=69B
        1=5jN 1=5FC 1=336.32P 1=4wC 1=5aQ 1=8dZ 1=5af 1=4wa 1=6OW 1=74X 1=6MP 1=59D 1=5-C 1=56D 1=6Mm 1=58T
        1=7r2 1=7KV 1=8of 1=5Zm 1=5Gv 1=6yK 1=6AL 1=6DL 1=4u0 1=4u9 1=91A 1=5tc 1=4uj 1=5Fp 1=6C7 1=8rm 1=69J
        1=7c1 1=7fw 1=5G8 1=6w0 1=6S9 1=6S8 1=7Kp 1=59o 1=5Ms 1=95D 5=30K.6Si.30L 1=30K.4u9.30L 1=30K.4wC.30L
        1=30K.5k9.30L 1=30K.72v.30L 1=30K.69J.30L 1=30K.7RN.30L 1=30K.5BT.30L 1=30K.6LN.30L 8=5-N 1=5Fl cV*A=m
        """
}
