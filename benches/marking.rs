//! How long the marking engine takes: one mark, and a whole product decided for fifty partners.

use std::hint::black_box;

use portcullis::marking::{
    AccessCheck, DocumentDate, Kind, Level, Marking, PartnerKind, PartnerRights, PortionForRollup, Register,
    RollupOptions, Rules, covers, roll_up,
};

fn main() {
    divan::main();
}

fn rules() -> Rules<'static> {
    Rules::new(Register::compiled_in(), DocumentDate::Known(jiff::civil::date(2022, 12, 1)))
}

const BANNERS: &[&str] = &[
    "SECRET//NOFORN",
    "SECRET//REL TO USA, FVEY",
    "TOP SECRET//SI-G ABCD/TK//RSEN/ORCON/REL TO USA, AUS, CAN, GBR, NZL",
    "TOP SECRET//HCS-P//SAR-BP-123//RD-SIGMA 14 18//FGI DEU GBR//IMCON/NOFORN//LES",
];

/// Forty portions as a product has them: a few marks, repeated.
const PORTIONS: [&str; 8] = [
    "(S//REL TO USA, FVEY)",
    "(S//SI//REL TO USA, FVEY)",
    "(U//REL TO USA, FVEY, NATO)",
    "(C//REL TO USA, AUS, CAN, GBR, NZL)",
    "(S//SI/TK//REL TO USA, FVEY)",
    "(S//FGI GBR//REL TO USA, FVEY)",
    "(S//IMC/REL TO USA, ACGU)",
    "(U)",
];

const PARTNERS: [&str; 50] = [
    "AUS", "CAN", "GBR", "NZL", "FRA", "DEU", "ITA", "ESP", "PRT", "NLD", "BEL", "LUX", "NOR", "DNK", "ISL", "POL",
    "CZE", "SVK", "HUN", "ROU", "BGR", "GRC", "TUR", "EST", "LVA", "LTU", "SVN", "HRV", "ALB", "MNE", "MKD", "FIN",
    "SWE", "JPN", "KOR", "ISR", "EGY", "JOR", "IRQ", "AFG", "PAK", "IND", "SGP", "THA", "PHL", "BRA", "COL", "CHL",
    "MEX", "UKR",
];

#[divan::bench(args = BANNERS, sample_size = 500)]
fn parse_banner(bencher: divan::Bencher<'_, '_>, text: &str) {
    let rules = rules();
    bencher.bench(|| rules.parse_banner(black_box(text)));
}

#[divan::bench]
fn print_banner(bencher: divan::Bencher<'_, '_>) {
    let marking = rules().parse_banner(BANNERS[2]).expect("valid");
    bencher.bench(|| black_box(&marking).banner());
}

#[divan::bench]
fn refuse_with_all_findings(bencher: divan::Bencher<'_, '_>) {
    let rules = rules();
    bencher.bench(|| rules.check(black_box("SECRET//HCS-XXX/COMINT//ORCON/NF//REL TO GBR"), Kind::Banner, None));
}

/// The ten kibibytes a product of forty portions makes: each line a mark and its text.
fn product() -> String {
    let prose = "EXERCISE EXERCISE EXERCISE the convoy is expected at the crossing before noon. ".repeat(3);
    (0..40).map(|i| format!("{} {prose}\n", PORTIONS[i % PORTIONS.len()])).collect()
}

#[divan::bench]
fn product_of_forty_portions_decided_for_fifty_partners(bencher: divan::Bencher<'_, '_>) {
    let text = product();
    assert!(text.len() >= 10 * 1024 - 512, "{}", text.len());
    let rules = rules();
    let links: Vec<PartnerRights> = PARTNERS
        .iter()
        .map(|id| PartnerRights::new(id, PartnerKind::Country, Level::Secret, ["SCI:SI", "SCI:TK"].map(str::to_owned)))
        .collect();
    bencher.bench(|| {
        let mut portions: Vec<Marking> = Vec::with_capacity(40);
        for line in black_box(&text).lines() {
            let end = line.find(')').expect("a mark") + 1;
            portions.push(rules.parse_portion(&line[..end], None).expect("valid"));
        }
        let parts: Vec<PortionForRollup<'_>> = portions.iter().map(Into::into).collect();
        let rolled = roll_up(&rules, &parts, RollupOptions::default()).expect("a banner");
        let banner = rules.parse_banner("SECRET//SI/TK//FGI GBR//IMCON/REL TO USA, AUS, CAN, GBR").expect("valid");
        assert!(covers(&rules, &banner, &rolled).is_ok());
        let whole = AccessCheck::new(&rules, &banner, &portions);
        links.iter().filter(|link| whole.may_release(&rules, link).is_ok()).count()
    });
}
