"""nbgrader's settings for this course: where its steps find their folders."""

from pathlib import Path

from autograder.course import load_course
from autograder.stubs import stub_config

root = Path(__file__).resolve().parent
course = load_course(root)

c = get_config()
c.CourseDirectory.root = str(root)
c.CourseDirectory.course_id = course.name
c.CourseDirectory.source_directory = f"build/source/{course.language}"
c.CourseDirectory.release_directory = f"assignments/{course.language}"
c.CourseDirectory.solution_directory = f"build/solution/{course.language}"
c.merge(stub_config(course.language))
