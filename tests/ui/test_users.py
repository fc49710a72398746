from datetime import timedelta

import pytest

from imgurer_kernel.errors import LoginFailed
from imgurer_kernel.ui.models.users import UsersModel
from imgurer_kernel.ui.panels.users import UsersPanel, account_rows
from imgurer_kernel.ui.session import VisitorSession
from tests.support.pictures import jpeg

PASSWORD = "correct horse"


def fill(wb):
    wb.accounts.create("root", PASSWORD, "admin")
    wb.accounts.create("ann", PASSWORD)
    wb.accounts.create("bob", PASSWORD)
    wb.upload("a.jpg", jpeg(1, 160, 120), "ann")


@pytest.fixture
def wb(new_store):
    return new_store(fill)


def names(panel):
    return [row["name"] for row in panel.table.rows]


def press(panel, act, name):
    panel.table._receive(None, {"action": act, "name": name}, [])


def test_an_admin_sees_everyone_and_a_member_oneself(wb):
    assert names(UsersPanel(wb, "root")) == ["ann", "bob", "root"]
    panel = UsersPanel(wb, "ann")
    assert names(panel) == ["ann"]
    assert panel.table.rows[0]["actions"] == ()
    assert panel.form.layout.display == "none"
    assert panel.own.layout.display is None


def test_an_account_is_made_and_the_form_is_emptied(wb):
    panel = UsersPanel(wb, "root")
    panel.form.name.value, panel.form.password.value = " eve ", PASSWORD
    panel.form.role.value = "admin"
    panel.form.create.click()
    assert wb.accounts.authenticate("eve", PASSWORD).role == "admin"
    assert "eve can log in now, as an admin." in panel.message.value
    assert panel.form.name.value == panel.form.password.value == ""
    assert "eve" in names(panel)


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [("ann", PASSWORD, "'ann' already"), ("<b>", PASSWORD, "<b>"), ("eve", "short", "8")],
)
def test_what_is_wrong_with_a_new_account_is_reported_and_kept(wb, name, password, words):
    panel = UsersPanel(wb, "root")
    panel.form.name.value, panel.form.password.value = name, password
    panel.form.create.click()
    assert words in panel.model.action_job.failure
    assert panel.form.name.value == name
    assert panel.message.value == ""


def test_disabling_asks_once_says_what_it_does_and_can_be_undone(wb):
    panel = UsersPanel(wb, "root")
    press(panel, "disable", "ann")
    assert panel.confirmation.layout.display is None
    assert "no longer log in" in panel.question.value
    assert "Its 1 picture stays" in panel.question.value
    assert wb.accounts.get("ann").enabled
    panel.cancel_button.click()
    assert wb.accounts.get("ann").enabled
    press(panel, "disable", "ann")
    panel.confirm_button.click()
    assert not wb.accounts.get("ann").enabled
    with pytest.raises(LoginFailed):
        wb.accounts.authenticate("ann", PASSWORD)
    press(panel, "enable", "ann")
    assert wb.accounts.get("ann").enabled


def test_roles_and_passwords_change(wb):
    panel = UsersPanel(wb, "root")
    press(panel, "admin", "ann")
    assert wb.accounts.get("ann").role == "admin"
    press(panel, "member", "ann")
    assert wb.accounts.get("ann").role == "member"
    press(panel, "password", "ann")
    panel.new_password.value = "another horse"
    panel.confirm_button.click()
    wb.accounts.authenticate("ann", "another horse")
    assert panel.confirmation.layout.display == "none"


def test_an_act_that_is_not_offered_is_not_done(wb):
    panel = UsersPanel(wb, "ann")
    press(panel, "admin", "ann")
    press(panel, "disable", "root")
    assert wb.accounts.get("ann").role == "member"
    assert panel.confirmation.layout.display == "none"


def test_the_model_itself_refuses_members(wb):
    model = UsersModel(VisitorSession(wb, "ann"))
    model.create("eve", PASSWORD, "admin", pytest.fail)
    model.disable("bob")
    model.enable("bob")
    model.set_role("ann", "admin")
    model.set_password("root", "another horse", pytest.fail)
    assert "only admins may do that" in model.action_job.failure.casefold()
    assert wb.accounts.get("ann").role == "member"
    assert wb.accounts.get("bob").enabled
    wb.accounts.authenticate("root", PASSWORD)


def test_nobody_locks_oneself_out(wb):
    model = UsersModel(VisitorSession(wb, "root"))
    model.disable("root")
    assert "your own account" in model.action_job.failure.casefold()
    assert wb.accounts.get("root").enabled


def test_ones_own_password_needs_the_present_one(wb):
    panel = UsersPanel(wb, "ann")
    panel.own.old.value, panel.own.new.value = "wrong horse", "another horse"
    panel.own.change.click()
    assert "wrong" in panel.model.action_job.failure
    panel.own.old.value = PASSWORD
    panel.own.change.click()
    wb.accounts.authenticate("ann", "another horse")
    assert panel.own.old.value == panel.own.new.value == ""


def test_the_single_user_mode_says_what_accounts_are_for(new_store):
    panel = UsersPanel(new_store())
    assert names(panel) == ["local"]
    assert panel.table.rows[0]["state"] == "without a login"
    assert panel.table.rows[0]["actions"] == ()
    assert panel.own.layout.display == "none"


def test_accounts_in_words(wb):
    wb.accounts.disable("bob")
    wb.accounts.authenticate("ann", PASSWORD)
    accounts = wb.accounts.list().sort_values("name")
    now = wb.accounts.get("ann").last_seen + timedelta(days=2)
    ann, bob, root = account_rows(accounts, "root", now)
    assert (ann.pictures, ann.last_seen, ann.state) == ("1", "2 days ago", "can log in")
    assert (bob.pictures, bob.bytes, bob.last_seen) == ("0", "0 bytes", "never")
    assert (bob.state, bob.enabled) == ("disabled", False)
    assert [act for act, _ in ann.actions] == ["admin", "password", "disable"]
    assert [act for act, _ in bob.actions] == ["admin", "password", "enable"]
    assert [act for act, _ in root.actions] == ["password"]
