"""A page that is kept current until its study is complete."""

import analysis
from study.directory.study_directory import StudyDirectory


def test_the_page_follows_the_study(study_writer, tmp_path):
    complete = StudyDirectory(study_writer(tmp_path / "complete", trials=3, methods={"dense": {}, "npn": {}}))
    growing = StudyDirectory(tmp_path / "growing")
    growing.create((tmp_path / "complete" / "study.yaml").read_text())
    pages = []

    def finish_one_more(path, finished, budget):
        pages.append((finished, budget, path.read_text().split('data-watch="')[1].split('"')[0]))
        for method in ("dense", "npn"):
            pack = f"{method}-p0000"
            if pack not in growing.finished():
                growing.write_results(pack, method, complete.rows(pack, method), [])
                break

    page = analysis.keep_current([growing.path()], tmp_path / "page.html", seconds=0.01, listener=finish_one_more)
    assert pages == [(0, 6, "1"), (3, 6, "1"), (6, 6, "0")]
    assert page == tmp_path / "page.html"
    assert [path.name for path in tmp_path.glob("*page*")] == ["page.html"]
